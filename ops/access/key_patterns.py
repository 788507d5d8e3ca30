"""Patterns of Redis keys, derived from the names of `streams.store.keys`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from schemas.topics import Topic
from streams.config.settings import Role, Settings
from streams.kafka.group_names import group_of
from streams.store.keys import Keys

KeyPattern = Callable[[Settings], str]
"""A stack's pattern, in the glob syntax of Redis."""


def whole(key: Callable[[Keys], str]) -> KeyPattern:
    """A single key, or the result of the function for a star."""
    return lambda settings: key(Keys(settings.topic_prefix))


def of_videos(key: Callable[[Keys, str], str]) -> KeyPattern:
    """A key of every video."""
    return lambda settings: key(Keys(settings.topic_prefix), "*")


def of_topic(key: Callable[..., str], topic: Topic) -> KeyPattern:
    """The keys of one topic, for all partitions and numbers."""

    def pattern(settings: Settings) -> str:
        name = settings.topic_prefix + topic.name
        return _cut(key, Keys(settings.topic_prefix), name)

    return pattern


def of_role(key: Callable[..., str], role: Role, topic: Topic) -> KeyPattern:
    """The keys of one role's group and one topic, for all partitions."""

    def pattern(settings: Settings) -> str:
        names = (group_of(settings, role), settings.topic_prefix + topic.name)
        return _cut(key, Keys(settings.topic_prefix), *names)

    return pattern


def numbered(key: str) -> str:
    """A key that ends with 0, with any number instead of it."""
    assert key.endswith("0"), key
    return key[:-1] + "*"


def _cut(key: Callable[..., str], keys: Keys, *names: Any) -> str:
    """Return the key up to the last name, followed by a star for the numbers."""
    num_numbers = key.__code__.co_argcount - 1 - len(names)
    name = key(keys, *names, *(0,) * num_numbers)
    return name.removesuffix(":0" * num_numbers) + ":*"

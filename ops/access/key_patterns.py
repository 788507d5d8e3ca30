"""Patterns of Redis keys, made from the names of `streams.store.keys`, so that they cannot drift apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from schemas.topics import Topic
from streams.config.settings import Role, Settings
from streams.kafka.group_names import group_of
from streams.store.keys import Keys

KeyPattern = Callable[[Settings], str]
"""A stack's pattern, in the globbing of Redis."""


def whole(key: Callable[[Keys], str]) -> KeyPattern:
    """A key, or what it makes of a star."""
    return lambda settings: key(Keys(settings.topic_prefix))


def of_videos(key: Callable[[Keys, str], str]) -> KeyPattern:
    """A key of every video."""
    return lambda settings: key(Keys(settings.topic_prefix), "*")


def of_topic(key: Callable[..., str], topic: Topic) -> KeyPattern:
    """The keys of one topic, whatever partition and numbers follow."""

    def pattern(settings: Settings) -> str:
        name = settings.topic_prefix + topic.name
        return _cut(key, Keys(settings.topic_prefix), name)

    return pattern


def of_role(key: Callable[..., str], role: Role, topic: Topic) -> KeyPattern:
    """The keys of one role's group and one topic, whatever partition follows."""

    def pattern(settings: Settings) -> str:
        names = (group_of(settings, role), settings.topic_prefix + topic.name)
        return _cut(key, Keys(settings.topic_prefix), *names)

    return pattern


def numbered(key: str) -> str:
    """A key that ends with a 0, with any number in its place."""
    assert key.endswith("0"), key
    return key[:-1] + "*"


def _cut(key: Callable[..., str], keys: Keys, *names: Any) -> str:
    """The key up to the last name, and a star for the numbers behind it."""
    num_numbers = key.__code__.co_argcount - 1 - len(names)
    name = key(keys, *names, *(0,) * num_numbers)
    return name.removesuffix(":0" * num_numbers) + ":*"

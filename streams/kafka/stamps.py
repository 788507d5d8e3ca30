"""Whose clock stamps what clients write: asked once beside a worker's start, as deadlines count from it."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from schemas.topics import ENGAGEMENT, UPLOADED, Topic
from streams.config.settings import Role, Settings
from streams.kafka.topic_admin import stamps_of

_READ: Final[tuple[tuple[Role, Topic], ...]] = (("intake", UPLOADED), ("engagement", ENGAGEMENT))

_log = structlog.get_logger(__name__)


async def check_stamps(settings: Settings) -> list[str]:
    """Log a warning for each topic that bears its producers' time and is read by a role of this worker.

    What may not be read, such as by a user with the rights of its role alone, is left to `vidsignal doctor`; so is the
    embedded broker, which knows no settings of topics and is read on the machine that writes.

    Returns:
        Names of those topics.
    """
    if settings.is_broker_embedded:
        return []
    read = [topic for role, topic in _READ if role in settings.roles and topic.is_stamped_by_broker]
    found = [(topic, await asyncio.to_thread(stamps_of, settings, topic)) for topic in read]
    return [_tell(settings.topic_prefix + topic.name) for topic, stamps in found if stamps == "CreateTime"]


def _tell(topic: str) -> str:
    _log.warning(
        "records carry their producers' time, so a wrong clock moves the deadlines of its videos;"
        " `vidsignal topics update` has the broker stamp them",
        topic=topic,
    )
    return topic

"""Checks once, at a worker's start, whether the broker stamps the records of clients, because deadlines depend on
it."""

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
    """Log a warning for each topic with producers' timestamps that a role of this worker reads.

    Topics that may not be described, such as by a user with the rights of its role only, are left to `vidsignal
    doctor`. So is the embedded broker, which has no topic settings and is read on the machine that writes.

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

"""Data that follows outcomes outside the topics, such as the vectors of similar videos."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

import structlog

from schemas.outcomes import Outcome
from streams.observability import metrics
from streams.store.shared_faults import is_shared

_log = structlog.get_logger(__name__)


class Follower(Protocol):
    """Follows a video's current outcome outside the topics; both methods may be repeated."""

    async def replace(self, outcome: Outcome) -> None:
        """Store this outcome's data, and nothing older."""

    async def remove(self, video_id: str) -> None:
        """Remove all data of the video."""


async def told(telling: Awaitable[None], video_id: str) -> None:
    """Await a follower and log its error: it may fail for one video, such as by a vector of another length; an audit
    finds that."""
    try:
        await telling
    except Exception as error:
        if is_shared(error):
            raise
        metrics.FOLD_FAULTS.labels("follower").inc()
        _log.exception("outcome follower failed for one video", video_id=video_id)

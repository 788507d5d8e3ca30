"""What follows outcomes beside the topics, such as the vectors of similar videos."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

import structlog

from schemas.outcomes import Outcome
from streams.observability import metrics
from streams.store.shared_faults import is_shared

_log = structlog.get_logger(__name__)


class Follower(Protocol):
    """What follows a video's current outcome beside the topics; both verbs may be repeated."""

    async def replace(self, outcome: Outcome) -> None:
        """Hold this, and nothing older."""

    async def remove(self, video_id: str) -> None:
        """Hold nothing of the video."""


async def told(telling: Awaitable[None], video_id: str) -> None:
    """What follows outcomes may fail over one video, such as over a vector of another length; an audit finds that."""
    try:
        await telling
    except Exception as error:
        if is_shared(error):
            raise
        metrics.FOLD_FAULTS.labels("follower").inc()
        _log.exception("outcome follower failed for one video", video_id=video_id)

"""Summaries: what is due of a partition's videos goes into the log of facts, and only then is no longer due.

A worker that dies between the two publishes again, which tells the fold nothing new. What somebody else changes in
between stays due, so no change is left untold.

A summary of a video that the fold does not know yet would be lost on it: it waits until the video's `accepted` is
folded. It is looked at again after the time that a summary takes, and then each time after as long as the video had no
event; its record ends by itself, and with it the waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import structlog
from redis import WatchError

from schemas.codec import event_headers
from schemas.engagement import Engagement
from schemas.facts import EngagementSummary
from streams.engagement.errors import is_of_an_event
from streams.engagement.store import DueSummaries, EngagementStore
from streams.lifecycle.clock import Clock
from streams.observability import metrics
from streams.observability.tracing import spans

SOURCE: Final = "vidsignal/engagement"
AT_ONCE: Final = 256
"""Of one partition; the rest waits for the next sweep, so that counting goes on."""

ROLE: Final = "engagement"
_PUT_OFF_SECONDS: Final = 600.0
"""Until the next look at a video over which that failed."""

_log = structlog.get_logger(__name__)

PublishAll = Callable[[list[EngagementSummary]], None]
"""Returns when all are confirmed."""


class SummaryPoller:
    """Publishes what is due.

    Args:
        store: what is due, and the records.
        publish: to the log of facts.
        clock: says what is due.
        summary_seconds: shortest time after which a video that the fold does not know yet is looked at again.
    """

    def __init__(self, store: EngagementStore, publish: PublishAll, clock: Clock, summary_seconds: float) -> None:
        self._store = store
        self._publish = publish
        self._clock = clock
        self._summary_seconds = summary_seconds

    def poll(self, partitions: Iterable[int]) -> None:
        """Publish what is due now, a bounded number for each partition."""
        for partition in partitions:
            videos = self._store.due(partition, self._clock.now_unix_seconds(), AT_ONCE)
            if videos:
                self._tell_isolated(partition, videos)

    def _tell_isolated(self, partition: int, videos: list[str]) -> None:
        """Tell all but the videos over which that fails by itself: those are looked at again later."""
        try:
            self._tell(partition, videos)
        except Exception as error:
            if not is_of_an_event(error):
                raise
            middle = len(videos) // 2
            if middle:
                self._tell_isolated(partition, videos[:middle])
                self._tell_isolated(partition, videos[middle:])
            else:
                self._put_off(partition, videos[0], error)

    def _put_off(self, partition: int, video_id: str, error: Exception) -> None:
        metrics.INTERNAL_ERRORS.labels(ROLE, "video-state").inc()
        _log.error("the summary of a video cannot be told, and is put off", video_id=video_id, exc_info=error)
        due_unix_seconds = self._clock.now_unix_seconds() + max(self._summary_seconds, _PUT_OFF_SECONDS)
        with self._store.begin() as transaction:
            self._store.settle(transaction, partition, (), (), {video_id: due_unix_seconds})

    def _tell(self, partition: int, videos: list[str]) -> None:
        with self._store.begin() as transaction:
            due = self._store.read_due(transaction, videos)
            self._publish([summary_of(video_id, record) for video_id, record in due.told.items()])
            metrics.ENGAGEMENT_SUMMARIES.inc(len(due.told))
            later = self._later(due)
            done = [video_id for video_id in videos if video_id not in later]
            try:
                self._store.settle(transaction, partition, done, due.forgotten, later)
            except WatchError:
                return  # another worker counts this partition now; what is due stays due

    def _later(self, due: DueSummaries) -> dict[str, float]:
        """When to look again at videos that the fold does not know yet, in Unix seconds."""
        now_unix_seconds = self._clock.now_unix_seconds()
        return {
            video_id: now_unix_seconds + max(self._summary_seconds, idle_seconds)
            for video_id, idle_seconds in due.idle_seconds.items()
        }


def summary_of(video_id: str, record: Engagement) -> EngagementSummary:
    """The record as a fact."""
    return EngagementSummary(
        video_id=video_id,
        counts={str(kind): count for kind, count in record.counts.items()},
        event_unix_seconds=record.as_of_unix_seconds,
        watch_seconds=record.watch_seconds,
        windows={
            str(name): {str(kind): value for kind, value in sums.items()} for name, sums in record.windows.items()
        },
        rates=record.rates,
    )


def summary_headers(summary: EngagementSummary, now_unix_seconds: float) -> Any:
    """CloudEvents headers; the id is the same for the same counts."""
    event_id = f"{summary.video_id}:engagement:{sum(summary.counts.values())}"
    return event_headers(
        summary, event_id=event_id, source=SOURCE, now_unix_seconds=now_unix_seconds, span=spans.traceparent()
    )

"""Summaries: a partition's due summaries are published to the log of facts, and only then removed from the schedule.

A worker that dies between the two publishes again, which has no effect on the fold. Changes by other workers in between
keep the entry due, so no change is lost.

A summary of a video that the fold does not know yet would be lost: it waits until the video's `accepted` is folded. It
is checked again after the summary interval, and then each time after as long as the video had no event; its record
expires by itself, and with it the entry.
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
"""Per partition; the rest waits for the next poll, so that counting continues."""

ROLE: Final = "engagement"
_PUT_OFF_SECONDS: Final = 600.0
"""Time until the next attempt for a video whose summary failed."""

_log = structlog.get_logger(__name__)

PublishAll = Callable[[list[EngagementSummary]], None]
"""Returns when all are confirmed."""


class SummaryPoller:
    """Publishes due summaries.

    Args:
        store: the schedule, and the records.
        publish: to the log of facts.
        clock: determines what is due.
        summary_seconds: shortest time after which a video that the fold does not know yet is checked again.
    """

    def __init__(self, store: EngagementStore, publish: PublishAll, clock: Clock, summary_seconds: float) -> None:
        self._store = store
        self._publish = publish
        self._clock = clock
        self._summary_seconds = summary_seconds

    def poll(self, partitions: Iterable[int]) -> None:
        """Publish what is due now, a limited number per partition."""
        for partition in partitions:
            videos = self._store.due(partition, self._clock.now_unix_seconds(), AT_ONCE)
            if videos:
                self._tell_isolated(partition, videos)

    def _tell_isolated(self, partition: int, videos: list[str]) -> None:
        """Publish all except the videos whose summary fails by itself: those are tried again later."""
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
        _log.error("engagement summary of a video failed; postponed", video_id=video_id, exc_info=error)
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
                return  # another worker counts this partition now; due entries stay due

    def _later(self, due: DueSummaries) -> dict[str, float]:
        """Return the time of the next check of videos that the fold does not know yet, in Unix seconds."""
        now_unix_seconds = self._clock.now_unix_seconds()
        return {
            video_id: now_unix_seconds + max(self._summary_seconds, idle_seconds)
            for video_id, idle_seconds in due.idle_seconds.items()
        }


def summary_of(video_id: str, record: Engagement) -> EngagementSummary:
    """Return the record as a fact."""
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
    """Return CloudEvents headers; the id is the same for the same counts."""
    event_id = f"{summary.video_id}:engagement:{sum(summary.counts.values())}"
    return event_headers(
        summary, event_id=event_id, source=SOURCE, now_unix_seconds=now_unix_seconds, span=spans.traceparent()
    )

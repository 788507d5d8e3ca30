"""Events in progress: since when, and in which stage. Those that take too long are logged, once each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Literal

import structlog

from streams.lifecycle.clock import Clock
from streams.observability import metrics
from streams.progress.watched import HeldRecord
from streams.record import Place, Record

Stage = Literal["working", "retrying", "failing", "deferred", "returning"]
"""Stage of a delivery: doing its work; waiting between two attempts; publishing why there is no result; waiting without
a slot for unavailable media; waiting for a slot again."""
_STAGES: Final[tuple[Stage, ...]] = ("working", "retrying", "failing", "returning", "deferred")
"""Order in which one agent's stage represents the whole event."""

_WAITS_FOR_SOURCE: Final[tuple[Stage, ...]] = ("deferred", "returning")

_LOOK_SECONDS: Final = 5.0

_log = structlog.get_logger(__name__)


class UnfinishedDelivery:
    """One agent's work on one event.

    Args:
        place: of the record.
        video_id: for logs.
        agent: that does the work.
        clock: for ages.
    """

    def __init__(self, place: Place, video_id: str, agent: str, clock: Clock) -> None:
        self.place = place
        self.video_id = video_id
        self.agent = agent
        self._clock = clock
        self.since_seconds = self.work_since_seconds = clock.monotonic_seconds()
        """Start of the delivery, and of the last time in progress without waiting for its source."""
        self._stage: Stage = "working"

    @property
    def stage(self) -> Stage:
        """The current stage."""
        return self._stage

    @stage.setter
    def stage(self, stage: Stage) -> None:
        if self.waits_for_source and stage not in _WAITS_FOR_SOURCE:
            self.work_since_seconds = self._clock.monotonic_seconds()
        self._stage = stage

    @property
    def waits_for_source(self) -> bool:
        """Whether it waits for unavailable media, or for a slot to try again."""
        return self._stage in _WAITS_FOR_SOURCE


@dataclass(frozen=True, slots=True)
class UnfinishedEvent:
    """One event, with all agents that have not finished it."""

    video_id: str
    role: str
    agents: dict[str, Stage]
    age_seconds: float


class UnfinishedEvents:
    """All deliveries of a role that have started and not ended.

    Args:
        role: for metrics and logs.
        limit_seconds: an event that takes longer is overdue.
        clock: for ages.
    """

    def __init__(self, role: str, limit_seconds: float, clock: Clock) -> None:
        self._role = role
        self._limit_seconds = limit_seconds
        self._clock = clock
        self._deliveries: set[UnfinishedDelivery] = set()
        self._named: set[Place] = set()

    def begin(self, record: Record, agent: str) -> UnfinishedDelivery:
        """Note that an agent started work on an event."""
        video_id = (record.key or b"").decode("utf-8", "replace")
        delivery = UnfinishedDelivery(record.place, video_id, agent, self._clock)
        self._deliveries.add(delivery)
        return delivery

    def end(self, delivery: UnfinishedDelivery) -> None:
        """Note that the agent has finished the event, or given it up."""
        self._deliveries.discard(delivery)

    def events(self) -> list[UnfinishedEvent]:
        """Return all events, in no order; callable from any thread."""
        now_seconds = self._clock.monotonic_seconds()
        by_place: dict[Place, list[UnfinishedDelivery]] = {}
        for delivery in tuple(self._deliveries):  # copied in one step, while the loop continues
            by_place.setdefault(delivery.place, []).append(delivery)
        return [self._event(deliveries, now_seconds) for deliveries in by_place.values()]

    def held(self) -> list[HeldRecord]:
        """Return each delivery as the watchdog reads it; callable from any thread."""
        now_seconds = self._clock.monotonic_seconds()
        return [
            HeldRecord(
                partition=(delivery.place.topic, delivery.place.partition),
                offset=delivery.place.offset,
                work_seconds=now_seconds - delivery.work_since_seconds,
                is_deferred=delivery.waits_for_source,
            )
            for delivery in tuple(self._deliveries)
        ]

    def _event(self, deliveries: Sequence[UnfinishedDelivery], now_seconds: float) -> UnfinishedEvent:
        return UnfinishedEvent(
            video_id=deliveries[0].video_id,
            role=self._role,
            agents={delivery.agent: delivery.stage for delivery in sorted(deliveries, key=lambda each: each.agent)},
            age_seconds=now_seconds - min(delivery.since_seconds for delivery in deliveries),
        )

    async def watch(self) -> None:
        """Check every few seconds, until cancelled."""
        while True:
            self.look()
            await self._clock.sleep(_LOOK_SECONDS)

    def look(self) -> None:
        """Set the gauges, and log each overdue event once."""
        now_seconds = self._clock.monotonic_seconds()
        oldest = min((delivery.since_seconds for delivery in self._deliveries), default=now_seconds)
        metrics.OLDEST_UNFINISHED_SECONDS.labels(self._role).set(now_seconds - oldest)
        overdue = self._overdue(now_seconds)
        counts = Counter(_stage_of(deliveries) for deliveries in overdue)
        for stage in _STAGES:
            metrics.OVERDUE_EVENTS.labels(self._role, stage).set(counts[stage])
        for deliveries in overdue:
            self._name(deliveries, now_seconds)
        self._named &= {deliveries[0].place for deliveries in overdue}

    def _overdue(self, now_seconds: float) -> list[Sequence[UnfinishedDelivery]]:
        if math.isinf(self._limit_seconds):
            return []
        late = [each for each in self._deliveries if now_seconds - each.since_seconds > self._limit_seconds]
        late.sort(key=lambda each: (each.place.topic, each.place.partition, each.place.offset, each.agent))
        return [list(group) for _, group in groupby(late, key=lambda each: each.place)]

    def _name(self, deliveries: Sequence[UnfinishedDelivery], now_seconds: float) -> None:
        first = deliveries[0]
        if first.place in self._named:
            return
        self._named.add(first.place)
        _log.warning(
            "slow event: still in progress",
            video_id=first.video_id,
            role=self._role,
            agents={delivery.agent: delivery.stage for delivery in deliveries},
            age_seconds=round(now_seconds - min(delivery.since_seconds for delivery in deliveries), 1),
            limit_seconds=self._limit_seconds,
            place=first.place,
        )


def _stage_of(deliveries: Iterable[UnfinishedDelivery]) -> Stage:
    return min((delivery.stage for delivery in deliveries), key=_STAGES.index)

"""The engagement consumer: batches from Kafka, counted in Redis, in one thread of its own.

It reads on where Redis says (`streams.engagement.assigned_partitions`). Whatever it waits for, it stays a member of its
group (`streams.engagement.group_wait`), and an event that may not be given up holds its own partition only
(`streams.engagement.held_partitions`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from confluent_kafka import (
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    KafkaException,
)
from redis import WatchError

from schemas.errors import InvalidEvent
from schemas.facts import Failure
from streams.delivery.held_events import HeldEvents
from streams.engagement.assigned_partitions import AssignedPartitions, Told, judge
from streams.engagement.batch_board import NO_SUSPECTS, Batch, BatchBoard, Suspects, singled_out
from streams.engagement.deduplication import Deduplicated, deduplicate
from streams.engagement.errors import Reassigned, Stopping
from streams.engagement.event_parsing import ParsedEvent, parse_event
from streams.engagement.group_wait import GroupWait
from streams.engagement.isolation import count_isolated, in_parts
from streams.engagement.loop_bridge import LoopBridge, Refusal
from streams.engagement.retention_loss import tell_removed
from streams.engagement.store import EngagementStore
from streams.engagement.summaries import ROLE, SummaryPoller
from streams.lifecycle.clock import Clock
from streams.observability import metrics
from streams.record import Place

BATCH_RECORDS: Final = 5_000
"""Maximum; a transaction of that many keeps Redis busy for some tens of milliseconds."""
_POLL_SECONDS: Final = 0.2
_POLL_INTERVAL_SECONDS: Final = 1.0
_SHOW_SECONDS: Final = 5.0
_LOOK_AGAIN_SECONDS: Final = 60.0
"""For the place of a partition that the store has and that is none."""
_CONFLICT = "the event id {} was counted with other content already; an id is given to one act only"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """A consumer's collaborators."""

    store: EngagementStore
    bridge: LoopBridge
    poll: SummaryPoller
    clock: Clock
    wait: GroupWait
    summary_seconds: float
    held: HeldEvents
    """The limit on dead letters by internal faults."""
    board: BatchBoard = field(default_factory=BatchBoard)


@dataclass(frozen=True, slots=True)
class Step:
    """One batch in progress."""

    since_seconds: float
    heads: Mapping[int, int]
    """By partition, the offset of its first record."""


class EngagementConsumer:
    """Runs in one thread, from `run` until `parts.wait` says that the worker stops.

    Args:
        configuration: of librdkafka, with the group.
        topic: as the broker knows it.
        parts: what it works with.
        on_joined: called in that thread once partitions were assigned, even none.
        on_left: called in that thread once they were revoked.
    """

    def __init__(
        self,
        configuration: Mapping[str, Any],
        topic: str,
        parts: Parts,
        on_joined: Callable[[], None],
        on_left: Callable[[], None],
    ) -> None:
        self._configuration = dict(configuration)
        self._topic = topic
        self._parts = parts
        told = Told(on_joined, on_left)
        self._partitions = AssignedPartitions(topic, parts.store, parts.wait, parts.held, parts.clock, told)
        self._until_store_answers = self._partitions.retries.until_answered
        self._began: Mapping[int, int | None] = {}
        """Where each partition stood at the start of the batch in hand."""
        self._in_hand: Mapping[int, Sequence[Any]] = {}
        """The batch in hand, whatever of it turned out to be somebody else's."""
        self._polled_seconds = self._shown_seconds = self._asked_seconds = parts.clock.monotonic_seconds()
        self.num_finished = self.num_delivered = 0
        self.step: Step | None = None
        """The batch in progress, or a poll for summaries; None during the client's own wait for records."""
        self.num_steps = 0

    def run(self) -> None:
        """Consume until stopped. Raises KafkaException if the client cannot continue."""
        client = self._partitions.client = Consumer(self._configuration)
        try:
            self._consume_until_stopped()
        except KafkaException:
            raise  # without closing, which waits forever after a fatal error, so the error would never be reported
        except BaseException:
            client.close()
            raise
        client.close()

    def _consume_until_stopped(self) -> None:
        self._partitions.subscribe()
        try:
            while not self._parts.wait.is_stopping:
                self._step()
        except Stopping:
            return

    @property
    def is_waiting(self) -> bool:
        """For a store that is unavailable or that has no place for a partition of ours, or for memory."""
        return self._partitions.retries.is_waiting or self._partitions.is_incomplete

    def position(self, partition: int) -> int | None:
        """Return the offset in a partition; None without one. Callable from any thread."""
        return self._partitions.position(partition)

    def _step(self) -> None:
        self._parts.wait.begin()
        self._partitions.settle()
        self._partitions.read_held_again()
        messages = self._partitions.fetch(BATCH_RECORDS, _POLL_SECONDS)
        self.num_delivered += len(messages)
        self.step = Step(self._parts.clock.monotonic_seconds(), _heads(messages))
        try:
            self._work(messages)
        except Reassigned:
            _log.warning("partitions reassigned while a batch waited; batch dropped")
        self.step = None
        self.num_steps += 1
        self._partitions.resume()

    def _work(self, messages: Sequence[Any]) -> None:
        batch = self._by_partition(messages)
        if batch:
            with metrics.ENGAGEMENT_BATCH_SECONDS.time():
                self._count_surely(batch)
            self._partitions.drop_passed(self._in_hand)
        now_seconds = self._parts.clock.monotonic_seconds()
        if now_seconds - self._polled_seconds >= _POLL_INTERVAL_SECONDS:
            self._polled_seconds = now_seconds
            self._until_store_answers(lambda: self._parts.poll.poll(list(self._partitions.positions)))
        if now_seconds - self._shown_seconds >= _SHOW_SECONDS:
            self._shown_seconds = now_seconds
            self._partitions.follow_store()
            self._partitions.show_lag()
        if now_seconds - self._asked_seconds >= _LOOK_AGAIN_SECONDS:
            self._asked_seconds = now_seconds
            self._partitions.settle_again()

    def _tell_finished(self, counted: Batch) -> None:
        num_records = sum(len(found) for found in counted.values())
        self.num_finished += num_records
        metrics.EVENTS_IN.labels(ROLE, ROLE).inc(num_records)
        metrics.EVENTS_FINISHED.labels(ROLE, ROLE).inc(num_records)
        self._observe_delay(min((found[0] for found in counted.values()), key=lambda message: message.timestamp()[1]))

    def _observe_delay(self, oldest: Any) -> None:
        kind, timestamp_milliseconds = oldest.timestamp()
        if kind != TIMESTAMP_NOT_AVAILABLE:
            delay_seconds = self._parts.clock.now_unix_seconds() - timestamp_milliseconds / 1000
            metrics.ENGAGEMENT_DELAY_SECONDS.observe(max(0.0, delay_seconds))

    def _by_partition(self, messages: Sequence[Any]) -> dict[int, list[Any]]:
        batch: dict[int, list[Any]] = {}
        for message in messages:
            if message.error() is None:
                batch.setdefault(message.partition(), []).append(message)
            else:
                judge(message.error())
        return {partition: found for partition, found in batch.items() if partition in self._partitions.positions}

    def _count_surely(self, batch: Batch) -> None:
        """Count a batch, even if single events fail."""
        self._in_hand, self._began = dict(batch), dict(self._partitions.positions)
        suspects, held = self._partitions.suspects, self._partitions.held
        is_whole = not any(number in suspects or held.offset(number) is not None for number in batch)
        in_parts(batch, [batch] if is_whole else singled_out(batch, self._is_exclusive), self._count_part)

    def _is_exclusive(self, partition: int, offset: int) -> bool:
        suspects, held = self._partitions.suspects, self._partitions.held
        return offset in suspects.get(partition, NO_SUSPECTS) or offset == held.offset(partition)

    def _count_part(self, part: Batch) -> None:
        suspects = self._hopeless(part)
        if suspects is not None:
            ((message,),) = part.values()
            self._until_store_answers(lambda: self._count(part, _crash_loop(suspects, message)))
            return
        count_isolated(part, lambda smaller: self._until_store_answers(lambda: self._count(smaller)), self._give_up)

    def _hopeless(self, part: Batch) -> Suspects | None:
        """Return what is known of the only event of a part that must not be tried; otherwise None."""
        partition, found = next(iter(part.items()))
        suspects = self._partitions.suspects.get(partition)
        is_it = suspects is not None and suspects.is_hopeless and found[0].offset() == suspects.first
        return suspects if is_it and len(part) == len(found) == 1 else None

    def _give_up(self, batch: Batch, failure: Failure) -> None:
        """See `streams.engagement.isolation.GiveUp`."""
        ((partition, (message,)),) = batch.items()
        if self._parts.held.may_give_up(Place(self._topic, partition, message.offset()), failure):
            self._until_store_answers(lambda: self._count(batch, failure))
            return
        del batch[partition]
        self._partitions.hold(partition, message.offset())

    def _on_board(self, batch: Batch) -> AbstractContextManager[None]:
        return self._parts.board.counting(self._topic, batch)

    def _count(self, batch: Batch, failure: Failure | None = None) -> None:
        """Count a batch; a partition whose stored offset differs is removed from the batch and sought.

        Args:
            batch: what to count.
            failure: why the only event of the batch is skipped and not counted.
        """
        self._leave_out_moved(batch)
        if not batch:
            return
        with self._on_board(batch):
            arrivals, refusals = self._read(batch) if failure is None else _given_up(batch, failure)
        positions = {partition: found[-1].offset() + 1 for partition, found in batch.items()}
        with self._parts.store.begin() as transaction:
            found = self._parts.store.read(transaction, arrivals)
            if any(found.stored.get(partition, -1) != self._partitions.positions[partition] for partition in batch):
                raise WatchError("the store moved on between two questions")
            with self._on_board(batch):
                deduplicated = deduplicate(
                    arrivals,
                    positions,
                    found,
                    now_unix_seconds=self._parts.clock.now_unix_seconds(),
                    summary_seconds=self._parts.summary_seconds,
                )
            self._parts.bridge.refuse(refusals + [_conflict(arrival) for arrival in deduplicated.conflicts])
            with self._on_board(batch):
                self._parts.store.commit(transaction, deduplicated.changes, found)
        before = {partition: self._partitions.positions[partition] for partition in batch}
        self._partitions.positions.update(positions)
        self._tell_finished(batch)
        _tell(deduplicated, len(refusals))
        for partition, messages in batch.items():
            place = self._partitions.place(partition, None)
            tell_removed(self._partitions.client, place, before[partition], messages[0].offset())

    def _leave_out_moved(self, batch: Batch) -> None:
        """Take partitions out of a batch, for good, where what the store has is not what leads up to the batch."""
        stored = self._parts.store.positions(list(batch))
        for partition, found in list(batch.items()):
            if partition not in stored:
                del batch[partition]
                self._partitions.set_aside(partition)
            elif not self._leads_up_to(partition, stored[partition], found[0].offset()):
                del batch[partition]
                self._partitions.go_to(partition, stored[partition])

    def _leads_up_to(self, partition: int, stored: int | None, first_offset: int) -> bool:
        """Whether a part of the batch in hand is what comes next, by the store and by what was counted of the batch."""
        found = self._in_hand[partition]
        index = bisect_left(found, first_offset, key=_offset)
        expected = found[index - 1].offset() + 1 if index else self._began[partition]
        return stored == self._partitions.positions[partition] == expected and first_offset >= (stored or 0)

    def _read(self, batch: Mapping[int, Sequence[Any]]) -> tuple[dict[int, list[ParsedEvent]], list[Refusal]]:
        now_unix_seconds = self._parts.clock.now_unix_seconds()
        arrivals: dict[int, list[ParsedEvent]] = {partition: [] for partition in batch}
        refusals: list[Refusal] = []
        for partition, messages in batch.items():
            arrived = arrivals[partition]
            for message in messages:
                try:
                    arrived.append(parse_event(message, now_unix_seconds))
                except InvalidEvent as error:
                    refusals.append((message, Failure(cause=error.cause, message=error.message)))
        return arrivals, refusals


def _offset(message: Any) -> int:
    offset: int = message.offset()
    return offset


def _given_up(batch: Batch, failure: Failure) -> tuple[dict[int, list[ParsedEvent]], list[Refusal]]:
    refusals = [(message, failure) for found in batch.values() for message in found]
    return {partition: [] for partition in batch}, refusals


def _crash_loop(suspects: Suspects, message: Any) -> Failure:
    words = f"the worker died {suspects.deaths.number} times by itself while it counted offset {message.offset()} alone"
    return Failure(cause="crash-loop", message=words)


def _conflict(arrival: ParsedEvent) -> Refusal:
    message = _CONFLICT.format(repr(arrival.event.event_id))
    return arrival.message, Failure(cause="event-id-reused", message=message)


def _heads(messages: Sequence[Any]) -> dict[int, int]:
    heads: dict[int, int] = {}
    for message in messages:
        if message.error() is None:
            heads.setdefault(message.partition(), message.offset())
    return heads


def _tell(deduplicated: Deduplicated, num_refused: int) -> None:
    metrics.ENGAGEMENT_EVENTS.labels("counted").inc(deduplicated.num_counted)
    for kind, number in deduplicated.counted.items():
        metrics.ENGAGEMENT_KINDS.labels(kind).inc(number)
    metrics.ENGAGEMENT_EVENTS.labels("duplicate").inc(deduplicated.num_duplicates)
    metrics.ENGAGEMENT_EVENTS.labels("forgotten").inc(deduplicated.num_forgotten)
    metrics.ENGAGEMENT_EVENTS.labels("refused").inc(num_refused + len(deduplicated.conflicts))

"""The engagement consumer: batches from Kafka, counted in Redis, in one thread of its own.

Redis says where each partition stands: a consumer begins there, and goes there again whenever the store turns out to
stand elsewhere (another worker counted on, or the store is an older copy). Commits to Kafka only show the lag.

Whatever it waits for, it stays a member of its group (`streams.engagement.group_wait`), and an event that may not be
given up holds its own partition only (`streams.engagement.held_partitions`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from confluent_kafka import (
    OFFSET_BEGINNING,
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from redis import WatchError

from schemas.errors import InvalidEvent
from schemas.facts import Failure
from streams.delivery.held_events import HeldEvents
from streams.engagement.batch_board import NO_SUSPECTS, Batch, BatchBoard, Suspects, singled_out
from streams.engagement.deduplication import Deduplicated, deduplicate
from streams.engagement.errors import Reassigned, Stopping
from streams.engagement.event_parsing import ParsedEvent, parse_event
from streams.engagement.group_wait import GroupWait
from streams.engagement.held_partitions import HeldPartitions
from streams.engagement.isolation import count_isolated, in_parts
from streams.engagement.loop_bridge import LoopBridge, Refusal
from streams.engagement.retention_loss import tell_removed
from streams.engagement.store import EngagementStore
from streams.engagement.store_retries import StoreRetries
from streams.engagement.summaries import ROLE, SummaryPoller
from streams.lifecycle.clock import Clock
from streams.observability import metrics
from streams.record import Place

BATCH_RECORDS: Final = 5_000
"""At most; a transaction of that many keeps Redis busy for some tens of milliseconds."""
_POLL_SECONDS: Final = 0.2
_POLL_INTERVAL_SECONDS: Final = 1.0
_SHOW_SECONDS: Final = 5.0
_LOOK_AGAIN_SECONDS: Final = 60.0
"""For the place of a partition that the store has and that is none."""
_CONFLICT = "the event id {} was counted with other content already; an id is given to one act only"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a consumer works with."""

    store: EngagementStore
    bridge: LoopBridge
    poll: SummaryPoller
    clock: Clock
    wait: GroupWait
    summary_seconds: float
    held: HeldEvents
    """The limit on dead letters by faults of our own."""
    board: BatchBoard = field(default_factory=BatchBoard)


@dataclass(frozen=True, slots=True)
class Step:
    """One batch in hand."""

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
        self._on_joined = on_joined
        self._on_left = on_left
        self._retries = StoreRetries(parts.store, parts.wait)
        self._until_store_answers = self._retries.until_answered
        parts.wait.stay = self._stay
        self._assigned_partitions: Sequence[int] = ()
        self._is_settled = True
        """Whether the store was asked where the assigned partitions stand."""
        self._was_rebalanced = False
        """Since the last batch was asked for."""
        self._positions: dict[int, int | None] = {}
        """Of each partition that is read, what we believe the store to say."""
        self._began: Mapping[int, int | None] = {}
        """The same at the start of the batch in hand."""
        self._in_hand: Mapping[int, Sequence[Any]] = {}
        """The batch in hand, whatever of it turned out to be somebody else's."""
        self._suspects: dict[int, Suspects] = {}
        """Of each partition, events that may have ended a worker."""
        self._held = HeldPartitions()
        self._is_paused = False
        """All partitions, because a batch waits for long."""
        self._ends: dict[int, int] = {}
        """Where reading found the end of a partition: all before it was handed to us, or is no record."""
        self._swept_seconds = self._shown_seconds = self._asked_seconds = parts.clock.monotonic_seconds()
        self.num_finished = self.num_delivered = 0
        self.step: Step | None = None
        """What it does with what it consumed, or a sweep; None in the client's own wait for records."""
        self.num_steps = 0

    def run(self) -> None:
        """Consume until asked to stop. Raises KafkaException where the client has no way on."""
        self._consumer = Consumer(self._configuration)
        try:
            self._consume_until_stopped()
        except KafkaException:
            raise  # without closing, which waits forever after a fatal error, so that nobody would hear of it
        except BaseException:
            self._consumer.close()
            raise
        self._consumer.close()

    def _consume_until_stopped(self) -> None:
        self._consumer.subscribe([self._topic], on_assign=self._assigned, on_revoke=self._revoked)
        try:
            while not self._parts.wait.is_stopping:
                self._step()
        except Stopping:
            return

    @property
    def is_waiting(self) -> bool:
        """For a store that is unavailable or that has no place for a partition of ours, or for memory."""
        return self._retries.is_waiting or len(self._positions) < len(self._assigned_partitions)

    def _step(self) -> None:
        self._parts.wait.begin()
        self._settle()
        self._read_held_again()
        messages = self._consume()
        self.num_delivered += len(messages)
        self.step = Step(self._parts.clock.monotonic_seconds(), _heads(messages))
        try:
            self._work(messages)
        except Reassigned:
            _log.warning("partitions reassigned while a batch waited; batch dropped")
        self.step = None
        self.num_steps += 1
        self._resume()

    def _consume(self) -> Sequence[Any]:
        """The next batch, all of it of the assignment that holds now."""
        self._was_rebalanced = False
        messages: Sequence[Any] = self._consumer.consume(BATCH_RECORDS, _POLL_SECONDS)
        found = [message for message in messages if not _is_end(message)]
        if not self._was_rebalanced:  # what lies before an end is counted before the end is committed
            self._ends.update({message.partition(): message.offset() for message in messages if _is_end(message)})
            return found
        # It may hold records of the assignment before. Nothing is fetched for the new one until it is settled.
        self._settle()
        return [message for message in found if message.error() is not None]

    def _stay(self) -> None:
        """See `GroupWait.stay`."""
        if not self._is_paused:
            self._consumer.pause(self._whole(self._positions))
            self._is_paused = True
        message = self._consumer.poll(0)
        if message is not None:
            self._take_while_paused(message)
        if self._was_rebalanced:
            raise Reassigned

    def _take_while_paused(self, message: Any) -> None:
        if _is_end(message):
            self._ends[message.partition()] = message.offset()
        elif message.error() is not None:
            _judge(message.error())
        else:  # the client hands out none of a paused partition; if it does all the same, it is read again
            self._is_settled, self._was_rebalanced = False, True

    def _resume(self) -> None:
        if self._is_paused:
            self._consumer.resume(self._whole(number for number in self._positions if not self._held.is_paused(number)))
            self._is_paused = False

    def _work(self, messages: Sequence[Any]) -> None:
        batch = self._by_partition(messages)
        if batch:
            with metrics.ENGAGEMENT_BATCH_SECONDS.time():
                self._count_surely(batch)
            self._drop_passed(self._in_hand)
        now_seconds = self._parts.clock.monotonic_seconds()
        if now_seconds - self._swept_seconds >= _POLL_INTERVAL_SECONDS:
            self._swept_seconds = now_seconds
            self._until_store_answers(lambda: self._parts.poll.poll(list(self._positions)))
        if now_seconds - self._shown_seconds >= _SHOW_SECONDS:
            self._shown_seconds = now_seconds
            self._follow_store()
            self._show_lag()
        if now_seconds - self._asked_seconds >= _LOOK_AGAIN_SECONDS:
            self._asked_seconds = now_seconds
            self._is_settled = len(self._positions) == len(self._assigned_partitions)

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
                _judge(message.error())
        return {partition: found for partition, found in batch.items() if partition in self._positions}

    def _count_surely(self, batch: Batch) -> None:
        """Count a batch, whatever single events of it bring about."""
        self._in_hand, self._began = dict(batch), dict(self._positions)
        is_whole = not any(number in self._suspects or self._held.offset(number) is not None for number in batch)
        in_parts(batch, [batch] if is_whole else singled_out(batch, self._is_alone), self._count_part)

    def _is_alone(self, partition: int, offset: int) -> bool:
        return offset in self._suspects.get(partition, NO_SUSPECTS) or offset == self._held.offset(partition)

    def _count_part(self, part: Batch) -> None:
        suspects = self._hopeless(part)
        if suspects is not None:
            ((message,),) = part.values()
            self._until_store_answers(lambda: self._count(part, _crash_loop(suspects, message)))
            return
        count_isolated(part, lambda smaller: self._until_store_answers(lambda: self._count(smaller)), self._give_up)

    def _hopeless(self, part: Batch) -> Suspects | None:
        """What is known of the only event of a part where it is not to be tried."""
        partition, found = next(iter(part.items()))
        suspects = self._suspects.get(partition)
        is_it = suspects is not None and suspects.is_hopeless and found[0].offset() == suspects.first
        return suspects if is_it and len(part) == len(found) == 1 else None

    def _give_up(self, batch: Batch, failure: Failure) -> None:
        """See `streams.engagement.isolation.GiveUp`."""
        ((partition, (message,)),) = batch.items()
        if self._parts.held.may_give_up(self._record_place(partition, message.offset()), failure):
            self._until_store_answers(lambda: self._count(batch, failure))
            return
        del batch[partition]
        self._ends.pop(partition, None)  # it lies behind what is read again
        self._held.hold(partition, message.offset(), self._parts.clock.monotonic_seconds())
        self._consumer.pause(self._whole([partition]))

    def _read_held_again(self) -> None:
        """Of partitions that have waited long enough, from where the store stands."""
        for partition in self._held.due(self._parts.clock.monotonic_seconds()):
            self._consumer.resume(self._whole([partition]))
            self._seek(partition, self._positions[partition])

    def _drop_passed(self, partitions: Iterable[int]) -> None:
        """Forget of these partitions what lies behind: suspects, and an event that was held."""
        for partition in partitions:
            position = self._positions.get(partition) or 0
            suspects, held = self._suspects.get(partition), self._held.offset(partition)
            if suspects is not None and suspects.last < position:
                self._until_store_answers(lambda: self._parts.store.forget_suspects(partition, position))  # noqa: B023
                del self._suspects[partition]
            if held is not None and held < position:
                self._let_go(partition)

    def _let_go(self, partition: int) -> None:
        if self._held.is_paused(partition) and not self._is_paused:
            self._consumer.resume(self._whole([partition]))
        offset = self._held.let_go(partition)
        if offset is not None:
            self._parts.held.release(self._record_place(partition, offset))

    def _on_board(self, batch: Batch) -> AbstractContextManager[None]:
        return self._parts.board.counting(self._topic, batch)

    def _count(self, batch: Batch, failure: Failure | None = None) -> None:
        """Count a batch; where the store stands elsewhere than it begins, take it out of the batch, and go there.

        Args:
            batch: what to count.
            failure: why the only event of the batch is not counted, but passed over.
        """
        self._leave_out_moved(batch)
        if not batch:
            return
        with self._on_board(batch):
            arrivals, refusals = self._read(batch) if failure is None else _given_up(batch, failure)
        positions = {partition: found[-1].offset() + 1 for partition, found in batch.items()}
        with self._parts.store.begin() as transaction:
            found = self._parts.store.read(transaction, arrivals)
            if any(found.stored.get(partition, -1) != self._positions[partition] for partition in batch):
                raise WatchError("the store moved on between two questions")
            with self._on_board(batch):
                reckoning = deduplicate(
                    arrivals,
                    positions,
                    found,
                    now_unix_seconds=self._parts.clock.now_unix_seconds(),
                    summary_seconds=self._parts.summary_seconds,
                )
            self._parts.bridge.refuse(refusals + [_conflict(arrival) for arrival in reckoning.conflicts])
            with self._on_board(batch):
                self._parts.store.commit(transaction, reckoning.changes, found)
        before = {partition: self._positions[partition] for partition in batch}
        self._positions.update(positions)
        self._tell_finished(batch)
        _tell(reckoning, len(refusals))
        for partition, messages in batch.items():
            tell_removed(self._consumer, self._place(partition, None), before[partition], messages[0].offset())

    def _leave_out_moved(self, batch: Batch) -> None:
        """Take partitions out of a batch, for good, where what the store has is not what leads up to the batch."""
        stored = self._parts.store.positions(list(batch))
        for partition, found in list(batch.items()):
            if partition not in stored:
                del batch[partition]
                self._set_aside(partition)
            elif not self._leads_up_to(partition, stored[partition], found[0].offset()):
                del batch[partition]
                self._go_to(partition, stored[partition])

    def _follow_store(self) -> None:
        """Go where the store stands, also in partitions in which nothing comes in: what it lost is counted again."""
        stored = self._until_store_answers(lambda: self._parts.store.positions(list(self._positions)))
        for partition, position in list(self._positions.items()):
            if partition not in stored:
                self._set_aside(partition)
            elif stored[partition] != position:
                self._go_to(partition, stored[partition])

    def _leads_up_to(self, partition: int, stored: int | None, first_offset: int) -> bool:
        """Whether a part of the batch in hand is what comes next, by the store and by what was counted of the batch."""
        found = self._in_hand[partition]
        index = bisect_left(found, first_offset, key=_offset)
        expected = found[index - 1].offset() + 1 if index else self._began[partition]
        return stored == self._positions[partition] == expected and first_offset >= (stored or 0)

    def _set_aside(self, partition: int) -> None:
        """Read no more of a partition whose place in the store is none, until it is one."""
        self._let_go(partition)
        self._consumer.pause(self._whole([partition]))
        self._ends.pop(partition, None)
        del self._positions[partition]

    def _go_to(self, partition: int, stored: int | None) -> None:
        _log.warning(
            "offset in redis differs from the consumer's; seeking to it",
            partition=partition, stored=stored, expected=self._positions[partition],
        )  # fmt: skip
        metrics.ENGAGEMENT_OFFSET_RESETS.inc()
        self._let_go(partition)
        self._ends.pop(partition, None)  # it was found by reading from another place
        self._positions[partition] = stored
        self._seek(partition, stored)

    def _seek(self, partition: int, position: int | None) -> None:
        """Read on from there. A client that has not begun to read the partition refuses: all are placed anew then."""
        try:
            self._consumer.seek(self._place(partition, position))
        except KafkaException as error:
            _judge(error.args[0])
            self._is_settled = False

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

    def _assigned(self, consumer: Any, assigned: list[TopicPartition]) -> None:
        """Take partitions, and read nothing of them yet: who waits for the store in here is no member meanwhile."""
        self._forget_partitions()
        self._assigned_partitions = [place.partition for place in assigned]
        self._is_settled = False
        consumer.assign([])

    def _revoked(self, consumer: Any, _revoked: list[TopicPartition]) -> None:
        self._forget_partitions()
        consumer.unassign()
        self._on_left()

    def _forget_partitions(self) -> None:
        self._was_rebalanced, self._is_settled, self._is_paused = True, True, False
        self._assigned_partitions = ()
        self._positions, self._ends, self._suspects = {}, {}, {}
        self._held.clear()
        self._parts.held.release_all()

    def _settle(self) -> None:
        """Read on from where the store stands, of the assignment that holds once it has answered."""
        while not self._is_settled:
            self._was_rebalanced = False
            partitions, store = self._assigned_partitions, self._parts.store
            try:
                positions = self._until_store_answers(lambda: store.positions(partitions))  # noqa: B023
                suspects = self._until_store_answers(lambda: store.suspects(partitions))  # noqa: B023
                self._begin_at(positions, suspects)
            except Reassigned:
                continue

    def _begin_at(self, positions: Mapping[int, int | None], suspects: Mapping[int, Suspects]) -> None:
        self._is_settled, self._is_paused = True, False
        self._positions, self._suspects, self._ends = dict(positions), dict(suspects), {}
        self._held.clear()
        self._parts.held.release_all()
        self._consumer.assign([self._place(partition, position) for partition, position in positions.items()])
        self._consumer.resume(self._whole(positions))  # the client keeps a pause from one assignment to the next
        self._drop_passed(positions)
        self._on_joined()

    def _place(self, partition: int, position: int | None) -> TopicPartition:
        return TopicPartition(self._topic, partition, OFFSET_BEGINNING if position is None else position)

    def _record_place(self, partition: int, offset: int) -> Place:
        return Place(self._topic, partition, offset)

    def _whole(self, partitions: Iterable[int]) -> list[TopicPartition]:
        return [TopicPartition(self._topic, partition) for partition in partitions]

    def _show_lag(self) -> None:
        """Commit for anyone who looks at the group. Nothing depends on it."""
        known = [self._place(partition, offset) for partition, offset in self._committable().items()]
        try:
            if known:
                self._consumer.commit(offsets=known, asynchronous=True)
        except KafkaException as error:
            _judge(error.args[0])

    def position(self, partition: int) -> int | None:
        """Where it stands in a partition; None where it has none. May be asked from any thread."""
        return self._positions.get(partition)

    def _committable(self) -> dict[int, int]:
        """Where each partition is counted up to, and over what is no record there: markers, aborted records, holes."""
        counted = {partition: position for partition, position in self._positions.items() if position}
        ends = {partition: end for partition, end in self._ends.items() if partition in self._positions}
        return {partition: max(counted.get(partition, 0), ends.get(partition, 0)) for partition in {*counted, *ends}}


def _offset(message: Any) -> int:
    offset: int = message.offset()
    return offset


def _is_end(message: Any) -> bool:
    """Whether this is the client's note that a partition has no more records now; its offset is where that is."""
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF


def _given_up(batch: Batch, failure: Failure) -> tuple[dict[int, list[ParsedEvent]], list[Refusal]]:
    refusals = [(message, failure) for found in batch.values() for message in found]
    return {partition: [] for partition in batch}, refusals


def _crash_loop(suspects: Suspects, message: Any) -> Failure:
    words = f"the worker died {suspects.num_deaths} times by itself while it counted offset {message.offset()} alone"
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


def _judge(error: KafkaError) -> None:
    """Raise what has no answer; the client itself gets over everything else.

    A consumer meets its fatal error once, as a record's error of its own code and without the flag; then it is silent.
    """
    if error.fatal() or error.code() == KafkaError._FATAL:
        raise KafkaException(error)
    _log.warning("kafka client error (recoverable)", error=error.str())


def _tell(reckoning: Deduplicated, num_refused: int) -> None:
    metrics.ENGAGEMENT_EVENTS.labels("counted").inc(reckoning.num_counted)
    for kind, number in reckoning.counted.items():
        metrics.ENGAGEMENT_KINDS.labels(kind).inc(number)
    metrics.ENGAGEMENT_EVENTS.labels("duplicate").inc(reckoning.num_duplicates)
    metrics.ENGAGEMENT_EVENTS.labels("forgotten").inc(reckoning.num_forgotten)
    metrics.ENGAGEMENT_EVENTS.labels("refused").inc(num_refused + len(reckoning.conflicts))

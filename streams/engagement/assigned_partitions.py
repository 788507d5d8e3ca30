"""The assigned partitions of this member: the position of each, and which are paused.

Redis holds the position of each partition. Reading starts there, and seeks there again if the stored position changes:
because another worker counted, or because the store is an older copy. Commits to Kafka only show the lag.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, TopicPartition

from streams.delivery.held_events import HeldEvents
from streams.engagement.batch_board import Suspects
from streams.engagement.errors import Reassigned
from streams.engagement.group_wait import GroupWait
from streams.engagement.held_partitions import HeldPartitions
from streams.engagement.log_end import LogUnknown, first_offset_since, log_end
from streams.engagement.store import EngagementStore
from streams.engagement.store_retries import StoreRetries
from streams.lifecycle.clock import Clock
from streams.observability import metrics
from streams.record import Place

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """Callbacks about partitions, called on the counting thread."""

    joined: Callable[[], None]
    """Partitions (perhaps none) were assigned and their positions are known."""
    left: Callable[[], None]
    """All partitions were revoked."""


class AssignedPartitions:
    """Used by one thread; `position` and `is_incomplete` are callable from any.

    Args:
        topic: name of the topic at the broker.
        store: holds the positions.
        wait: polls the client during long waits.
        held: the limit on dead letters caused by internal errors.
        clock: times the waits at that limit.
        told: callbacks on assignment and revocation.
    """

    def __init__(
        self, topic: str, store: EngagementStore, wait: GroupWait, held: HeldEvents, clock: Clock, told: Told
    ) -> None:
        self.client: Any = None
        """The confluent-kafka consumer; set before any other use."""
        self._topic = topic
        self._store = store
        self._held_events = held
        self._clock = clock
        self._told = told
        self.retries = StoreRetries(store, wait)
        wait.stay = self._stay
        self._assigned: Sequence[int] = ()
        self._is_settled = True
        """Whether the positions of the assigned partitions were read from the store."""
        self._was_rebalanced = False
        """Whether there was a rebalance since the last batch was requested."""
        self.positions: dict[int, int | None] = {}
        """The last known stored position of each partition that is read."""
        self.suspects: dict[int, Suspects] = {}
        """For each partition, the events that may have crashed a worker."""
        self.held = HeldPartitions()
        self._is_paused = False
        """Whether all partitions are paused because a batch waits for long."""
        self._ends: dict[int, int] = {}
        """The end of each partition as the client reported it: every record before it was delivered."""

    @property
    def is_incomplete(self) -> bool:
        """Whether a partition has no valid stored position."""
        return len(self.positions) < len(self._assigned)

    def position(self, partition: int) -> int | None:
        """Return the position in a partition; None without one."""
        return self.positions.get(partition)

    def subscribe(self) -> None:
        """Subscribe to the topic."""
        self.client.subscribe([self._topic], on_assign=self.take, on_revoke=self.give_back)

    def take(self, client: Any, assigned: list[TopicPartition]) -> None:
        """Note the assignment without reading yet: a callback that waited for the store would block the group."""
        self._forget()
        self._assigned = [place.partition for place in assigned]
        self._is_settled = False
        client.assign([])

    def give_back(self, client: Any, _revoked: list[TopicPartition]) -> None:
        """Drop all partitions: they are revoked."""
        self._forget()
        client.unassign()
        self._told.left()

    def _forget(self) -> None:
        self._was_rebalanced, self._is_settled, self._is_paused = True, True, False
        self._assigned = ()
        self.positions, self._ends, self.suspects = {}, {}, {}
        self.held.clear()
        self._held_events.release_all()

    def settle(self) -> None:
        """Read the stored positions and start there; repeat if the assignment changes meanwhile."""
        while not self._is_settled:
            self._was_rebalanced = False
            partitions = self._assigned
            try:
                positions = self._within_log(self.retries.until_answered(partial(self._store.positions, partitions)))
                suspects = self.retries.until_answered(partial(self._store.suspects, partitions))
                self._begin_at(positions, suspects)
            except Reassigned:
                continue

    def _begin_at(self, positions: Mapping[int, int | None], suspects: Mapping[int, Suspects]) -> None:
        self._is_settled, self._is_paused = True, False
        self.positions, self.suspects, self._ends = dict(positions), dict(suspects), {}
        self.held.clear()
        self._held_events.release_all()
        self.client.assign([self.place(partition, position) for partition, position in positions.items()])
        self.client.resume(self._whole(positions))  # the client keeps a pause from one assignment to the next
        self.drop_passed(positions)
        self._told.joined()

    def _within_log(self, stored: Mapping[int, int | None]) -> dict[int, int | None]:
        """Return the stored positions, after replacing those that the log does not have."""
        found = dict(stored)
        try:
            for partition, position in stored.items():
                if position is not None and position > (end := log_end(self.client, self.place(partition, None))):
                    found |= self._move_into_log(partition, position, end)
        except LogUnknown:
            pass  # such a position is noticed again with the next batch
        return found

    def _move_into_log(self, partition: int, position: int, end: int) -> Mapping[int, int | None]:
        """Replace a position after the end of the log. Reading continues at the first record that may not be counted;
        ids keep it from being counted twice."""
        now_unix_seconds = self._clock.now_unix_seconds()
        since = self.retries.until_answered(lambda: self._store.repeatable_since(partition, now_unix_seconds))
        after = first_offset_since(self.client, self.place(partition, None), since, end)
        if self.retries.until_answered(lambda: self._store.move(partition, position, after)):
            metrics.ENGAGEMENT_OFFSET_RESETS.inc()
            _log.warning(
                "offset in redis is after the end of the log: the topic was recreated, or a leader lost records;"
                " continuing there",
                partition=partition, stored=position, log_end=end, continued_at=after,
            )  # fmt: skip
        stored: Mapping[int, int | None] = self.retries.until_answered(lambda: self._store.positions([partition]))
        return stored

    def settle_again(self) -> None:
        """Read the positions again before the next batch if a partition has none."""
        if self.is_incomplete:
            self._is_settled = False

    def fetch(self, num_records: int, seconds: float) -> Sequence[Any]:
        """Return the next batch with errors of the client; all records are of the current assignment."""
        self._was_rebalanced = False
        messages: Sequence[Any] = self.client.consume(num_records, seconds)
        found = [message for message in messages if not _is_end(message)]
        if not self._was_rebalanced:  # records before an end are counted before the end is committed
            self._ends.update({message.partition(): message.offset() for message in messages if _is_end(message)})
            return found
        # The batch may hold records of the former assignment. Nothing is fetched for the new one until it is settled.
        self.settle()
        return [message for message in found if message.error() is not None]

    def _stay(self) -> None:
        """See `GroupWait.stay`."""
        if not self._is_paused:
            self.client.pause(self._whole(self.positions))
            self._is_paused = True
        message = self.client.poll(0)
        if message is not None:
            self._take_while_paused(message)
        if self._was_rebalanced:
            raise Reassigned

    def _take_while_paused(self, message: Any) -> None:
        if _is_end(message):
            self._ends[message.partition()] = message.offset()
        elif message.error() is not None:
            judge(message.error())
        else:  # the client delivers none of a paused partition; if it does, the record is read again
            self._is_settled, self._was_rebalanced = False, True

    def resume(self) -> None:
        """Resume the partitions that were paused for the batch."""
        if self._is_paused:
            self.client.resume(self._whole(number for number in self.positions if not self.held.is_paused(number)))
            self._is_paused = False

    def hold(self, partition: int, offset: int) -> None:
        """Pause a partition at an event that may not become a dead letter now."""
        self._ends.pop(partition, None)  # the end is after the event that is read again
        self.held.hold(partition, offset, self._clock.monotonic_seconds())
        self.client.pause(self._whole([partition]))

    def read_held_again(self) -> None:
        """Resume the partitions whose wait is over."""
        for partition in self.held.due(self._clock.monotonic_seconds()):
            self.client.resume(self._whole([partition]))
            self._seek(partition, self.positions[partition])

    def drop_passed(self, partitions: Iterable[int]) -> None:
        """Forget the suspects and the held event before the position of each partition."""
        for partition in partitions:
            position = self.positions.get(partition) or 0
            suspects, held = self.suspects.get(partition), self.held.offset(partition)
            if suspects is not None and suspects.last < position:
                self.retries.until_answered(partial(self._store.forget_suspects, partition, position))
                del self.suspects[partition]
            if held is not None and held < position:
                self._let_go(partition)

    def _let_go(self, partition: int) -> None:
        if self.held.is_paused(partition) and not self._is_paused:
            self.client.resume(self._whole([partition]))
        offset = self.held.let_go(partition)
        if offset is not None:
            self._held_events.release(Place(self._topic, partition, offset))

    def follow_store(self) -> None:
        """Seek to the stored positions, also in idle partitions, so that events the store lost are counted again."""
        stored = self.retries.until_answered(lambda: self._store.positions(list(self.positions)))
        for partition, position in list(self.positions.items()):
            if partition not in stored:
                self.set_aside(partition)
            elif stored[partition] != position:
                self.go_to(partition, stored[partition])

    def set_aside(self, partition: int) -> None:
        """Pause a partition without a valid stored position until it has one."""
        self._let_go(partition)
        self.client.pause(self._whole([partition]))
        self._ends.pop(partition, None)
        del self.positions[partition]

    def go_to(self, partition: int, stored: int | None) -> None:
        """Seek to the stored position, or to one that the log has."""
        stored = self._within_log({partition: stored})[partition]
        _log.warning(
            "offset in redis differs from the consumer's; seeking to it",
            partition=partition, stored=stored, expected=self.positions[partition],
        )  # fmt: skip
        metrics.ENGAGEMENT_OFFSET_RESETS.inc()
        self._let_go(partition)
        self._ends.pop(partition, None)  # it was found by reading from another position
        self.positions[partition] = stored
        self._seek(partition, stored)

    def _seek(self, partition: int, position: int | None) -> None:
        """Seek. The client refuses before it has begun to read the partition: then all are assigned again."""
        try:
            self.client.seek(self.place(partition, position))
        except KafkaException as error:
            judge(error.args[0])
            self._is_settled = False

    def show_lag(self) -> None:
        """Commit the positions, which only shows the lag of the group. Nothing depends on it."""
        known = [self.place(partition, offset) for partition, offset in self.committable().items()]
        try:
            if known:
                self.client.commit(offsets=known, asynchronous=True)
        except KafkaException as error:
            judge(error.args[0])

    def committable(self) -> dict[int, int]:
        """Return the offset to commit for each partition, after markers, aborted records and holes."""
        counted = {partition: position for partition, position in self.positions.items() if position}
        ends = {partition: end for partition, end in self._ends.items() if partition in self.positions}
        return {partition: max(counted.get(partition, 0), ends.get(partition, 0)) for partition in {*counted, *ends}}

    def place(self, partition: int, position: int | None) -> TopicPartition:
        """Return a position for the client; None means the beginning of the log."""
        return TopicPartition(self._topic, partition, OFFSET_BEGINNING if position is None else position)

    def _whole(self, partitions: Iterable[int]) -> list[TopicPartition]:
        return [TopicPartition(self._topic, partition) for partition in partitions]


def _is_end(message: Any) -> bool:
    """Return whether this is the client's end-of-partition notice, whose offset is the end."""
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF


def judge(error: KafkaError) -> None:
    """Raise fatal errors; the client recovers from all others.

    A consumer reports its fatal error once, as a record's error with its own code and without the flag.
    """
    if error.fatal() or error.code() == KafkaError._FATAL:
        raise KafkaException(error)
    _log.warning("kafka client error (recoverable)", error=error.str())

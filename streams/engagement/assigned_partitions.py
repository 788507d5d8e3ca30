"""The partitions of this member: where each is read on, by the store, and which are not read now.

Redis says where each partition stands. Reading begins there, and goes there again whenever the store turns out to stand
elsewhere: another worker counted on, or the store is an older copy. Commits to Kafka only show the lag.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, TopicPartition

from streams.delivery.held_events import HeldEvents
from streams.engagement.batch_board import Suspects
from streams.engagement.errors import Reassigned
from streams.engagement.group_wait import GroupWait
from streams.engagement.held_partitions import HeldPartitions
from streams.engagement.store import EngagementStore
from streams.engagement.store_retries import StoreRetries
from streams.lifecycle.clock import Clock
from streams.observability import metrics
from streams.record import Place

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told, in the counting thread, of partitions."""

    joined: Callable[[], None]
    """Some were assigned, even none, and it is known where they stand."""
    left: Callable[[], None]
    """They were revoked."""


class AssignedPartitions:
    """Used by one thread; `position` and `is_incomplete` may be asked from any.

    Args:
        topic: as the broker knows it.
        store: says where partitions stand.
        wait: polls the client during long waits.
        held: the limit on dead letters by faults of our own.
        clock: of waits at that limit.
        told: who is told of them.
    """

    def __init__(
        self, topic: str, store: EngagementStore, wait: GroupWait, held: HeldEvents, clock: Clock, told: Told
    ) -> None:
        self.client: Any = None
        """Of confluent-kafka; set before anything is asked."""
        self._topic = topic
        self._store = store
        self._held_events = held
        self._clock = clock
        self._told = told
        self.retries = StoreRetries(store, wait)
        wait.stay = self._stay
        self._assigned: Sequence[int] = ()
        self._is_settled = True
        """Whether the store was asked where the assigned partitions stand."""
        self._was_rebalanced = False
        """Since the last batch was asked for."""
        self.positions: dict[int, int | None] = {}
        """Of each partition that is read, what we believe the store to say."""
        self.suspects: dict[int, Suspects] = {}
        """Of each partition, events that may have ended a worker."""
        self.held = HeldPartitions()
        self._is_paused = False
        """All partitions, because a batch waits for long."""
        self._ends: dict[int, int] = {}
        """Where reading found the end of a partition: all before it was handed to us, or is no record."""

    @property
    def is_incomplete(self) -> bool:
        """Whether the store has not said where each stands, or what it has is no place."""
        return len(self.positions) < len(self._assigned)

    def position(self, partition: int) -> int | None:
        """Where it stands in a partition; None where it has none."""
        return self.positions.get(partition)

    def subscribe(self) -> None:
        """Join the group."""
        self.client.subscribe([self._topic], on_assign=self.take, on_revoke=self.give_back)

    def take(self, client: Any, assigned: list[TopicPartition]) -> None:
        """Note what is assigned, and read none yet: a callback that waits for the store is no member meanwhile."""
        self._forget()
        self._assigned = [place.partition for place in assigned]
        self._is_settled = False
        client.assign([])

    def give_back(self, client: Any, _revoked: list[TopicPartition]) -> None:
        """All are revoked."""
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
        """Read on from where the store stands, of the assignment that holds once it has answered."""
        while not self._is_settled:
            self._was_rebalanced = False
            partitions, store = self._assigned, self._store
            try:
                positions = self.retries.until_answered(lambda: store.positions(partitions))  # noqa: B023
                suspects = self.retries.until_answered(lambda: store.suspects(partitions))  # noqa: B023
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

    def settle_again(self) -> None:
        """Ask the store once more before the next batch, where some partition has no place."""
        if self.is_incomplete:
            self._is_settled = False

    def fetch(self, num_records: int, seconds: float) -> Sequence[Any]:
        """The next batch and errors of the client; records are all of the assignment that holds now."""
        self._was_rebalanced = False
        messages: Sequence[Any] = self.client.consume(num_records, seconds)
        found = [message for message in messages if not _is_end(message)]
        if not self._was_rebalanced:  # what lies before an end is counted before the end is committed
            self._ends.update({message.partition(): message.offset() for message in messages if _is_end(message)})
            return found
        # It may hold records of the assignment before. Nothing is fetched for the new one until it is settled.
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
        else:  # the client hands out none of a paused partition; if it does all the same, it is read again
            self._is_settled, self._was_rebalanced = False, True

    def resume(self) -> None:
        """The batch is done: read on, where that was paused for it."""
        if self._is_paused:
            self.client.resume(self._whole(number for number in self.positions if not self.held.is_paused(number)))
            self._is_paused = False

    def hold(self, partition: int, offset: int) -> None:
        """Wait with a partition at an event that may not be given up now."""
        self._ends.pop(partition, None)  # it lies behind what is read again
        self.held.hold(partition, offset, self._clock.monotonic_seconds())
        self.client.pause(self._whole([partition]))

    def read_held_again(self) -> None:
        """Read on in partitions that have waited long enough."""
        for partition in self.held.due(self._clock.monotonic_seconds()):
            self.client.resume(self._whole([partition]))
            self._seek(partition, self.positions[partition])

    def drop_passed(self, partitions: Iterable[int]) -> None:
        """Forget of these partitions what lies behind: suspects, and an event that was held."""
        for partition in partitions:
            position = self.positions.get(partition) or 0
            suspects, held = self.suspects.get(partition), self.held.offset(partition)
            if suspects is not None and suspects.last < position:
                self.retries.until_answered(lambda: self._store.forget_suspects(partition, position))  # noqa: B023
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
        """Go where the store stands, also in partitions in which nothing comes in: what it lost is counted again."""
        stored = self.retries.until_answered(lambda: self._store.positions(list(self.positions)))
        for partition, position in list(self.positions.items()):
            if partition not in stored:
                self.set_aside(partition)
            elif stored[partition] != position:
                self.go_to(partition, stored[partition])

    def set_aside(self, partition: int) -> None:
        """Read no more of a partition whose place in the store is none, until it is one."""
        self._let_go(partition)
        self.client.pause(self._whole([partition]))
        self._ends.pop(partition, None)
        del self.positions[partition]

    def go_to(self, partition: int, stored: int | None) -> None:
        """Read on where the store stands."""
        _log.warning(
            "offset in redis differs from the consumer's; seeking to it",
            partition=partition, stored=stored, expected=self.positions[partition],
        )  # fmt: skip
        metrics.ENGAGEMENT_OFFSET_RESETS.inc()
        self._let_go(partition)
        self._ends.pop(partition, None)  # it was found by reading from another place
        self.positions[partition] = stored
        self._seek(partition, stored)

    def _seek(self, partition: int, position: int | None) -> None:
        """Read on from there. A client that has not begun to read the partition refuses: all are placed anew then."""
        try:
            self.client.seek(self.place(partition, position))
        except KafkaException as error:
            judge(error.args[0])
            self._is_settled = False

    def show_lag(self) -> None:
        """Commit for anyone who looks at the group. Nothing depends on it."""
        known = [self.place(partition, offset) for partition, offset in self.committable().items()]
        try:
            if known:
                self.client.commit(offsets=known, asynchronous=True)
        except KafkaException as error:
            judge(error.args[0])

    def committable(self) -> dict[int, int]:
        """Where each partition is counted up to, and over what is no record there: markers, aborted records, holes."""
        counted = {partition: position for partition, position in self.positions.items() if position}
        ends = {partition: end for partition, end in self._ends.items() if partition in self.positions}
        return {partition: max(counted.get(partition, 0), ends.get(partition, 0)) for partition in {*counted, *ends}}

    def place(self, partition: int, position: int | None) -> TopicPartition:
        """For the client; None is the beginning of the log."""
        return TopicPartition(self._topic, partition, OFFSET_BEGINNING if position is None else position)

    def _whole(self, partitions: Iterable[int]) -> list[TopicPartition]:
        return [TopicPartition(self._topic, partition) for partition in partitions]


def _is_end(message: Any) -> bool:
    """Whether this is the client's note that a partition has no more records now; its offset is where that is."""
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF


def judge(error: KafkaError) -> None:
    """Raise what has no answer; the client itself gets over everything else.

    A consumer meets its fatal error once, as a record's error of its own code and without the flag; then it is silent.
    """
    if error.fatal() or error.code() == KafkaError._FATAL:
        raise KafkaException(error)
    _log.warning("kafka client error (recoverable)", error=error.str())

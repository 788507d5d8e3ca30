"""A Faust consumer that never commits past work that is not finished, and never waits for it without end.

Written against faust-streaming 0.15.3 with aiokafka 0.14.0; `streams.pins` refuses other versions. What stock Faust
does and this does not:

- commit past one unfinished event at the head, or past any before a first commit;
- take a gap in the log for a finished record;
- believe that a failed commit succeeded, or let one end the process;
- count an event as done because a stream skipped it;
- wait without end for unfinished events in a rebalance and at shutdown;
- forget during a drain what was finished, by seeking meanwhile;
- let a broker park fetches for a fixed 1.5 seconds.

Acks of streams mean nothing here: agents call `OffsetLedger.finish`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.transport.drivers import aiokafka as stock
from faust.types import TP

from streams import metrics
from streams.delivery.admission import Admission
from streams.delivery.consumer_rules import ConsumerRules, PartitionState
from streams.delivery.ledger import OffsetLedger, Partition

_COMMIT_SECONDS = 5.0
"""How long a drain waits for its last commit; Redis or the broker may be away."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ConsumerPolicy:
    """What a role asks of its consumer."""

    role: str
    ledger: OffsetLedger
    admission: Admission
    rules: ConsumerRules
    drain_timeout_seconds: float
    fetch_wait_seconds: float
    """How long a broker may park a fetch that finds nothing."""
    is_broker_embedded: bool
    """Then a hole in the offsets means that records were lost."""
    crash_happened: asyncio.Event
    """Then nothing is waited for any more."""
    on_joined: Callable[[], None]
    """The group has given this member its partitions, perhaps none, and records flow."""
    on_refusal: Callable[[Exception], None]
    """Consuming cannot begin; a restart alone does not help."""


class SafeConsumerThread(stock.AIOKafkaConsumerThread):
    """The thread that owns the aiokafka client."""

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # Faust passes a fixed 1.5 s; the client reads the attribute when it starts.
        consumer._fetch_max_wait_ms = int(transport.policy.fetch_wait_seconds * 1000)
        return consumer

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit what is still ours; False where Kafka refused, which the next commit or a redelivery makes good."""
        assigned = self.assignment()
        ours = {
            TopicPartition(tp.topic, tp.partition): OffsetAndMetadata(offset, "")
            for tp, offset in offsets.items()
            if tp in assigned
        }
        try:
            await self._ensure_consumer().commit(ours)
        except KafkaError as error:
            _log.warning("a commit was refused; uncommitted events come again", error=repr(error))
            return False
        return bool(ours)

    async def seek_all(self, starts: Mapping[Partition, int]) -> None:
        """Set the positions of assigned partitions."""
        await self.call_thread(self._seek_all, starts)

    async def _seek_all(self, starts: Mapping[Partition, int]) -> None:
        assigned = self.assignment()
        for partition, offset in starts.items():
            if partition in assigned:
                self._ensure_consumer().seek(TopicPartition(*partition), offset)

    async def committed(self, partitions: list[Partition]) -> dict[Partition, int | None]:
        """What the group has committed."""
        answer: dict[Partition, int | None] = await self.call_thread(self._committed, partitions)
        return answer

    async def _committed(self, partitions: list[Partition]) -> dict[Partition, int | None]:
        consumer = self._ensure_consumer()
        return {partition: await consumer.committed(TopicPartition(*partition)) for partition in partitions}


class SafeConsumer(stock.Consumer):
    """Counts delivered and finished offsets itself, in the policy's ledger."""

    _thread: SafeConsumerThread

    def __init__(self, transport: Any, *args: Any, **kwargs: Any) -> None:
        self.policy: ConsumerPolicy = transport.policy
        self._committed: dict[Partition, int] = {}
        self._expected: dict[Partition, int] = {}
        """Next offset of each partition if its log had no holes."""
        self._is_draining = False
        super().__init__(transport, *args, **kwargs)
        self.callback = self._counting(self.callback)

    def _new_consumer_thread(self) -> SafeConsumerThread:
        return SafeConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def _counting(self, hand_out: Callable[[Any], Any]) -> Callable[[Any], Any]:
        async def deliver(message: Any) -> None:
            self._notice_hole(message)
            self.policy.ledger.deliver(message.tp, message.offset)
            await hand_out(message)

        return deliver

    def _notice_hole(self, message: Any) -> None:
        expected = self._expected.get(message.tp, message.offset)
        self._expected[message.tp] = message.offset + 1
        if message.offset > expected and self.policy.is_broker_embedded:
            _tell_lost(self.policy.role, message.tp, expected, message.offset)

    def ack(self, message: Any) -> bool:
        """Take no notice: see the module's text."""
        message.acked = True
        self._unacked_messages.discard(message)
        return False

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Gaps need no notice: only delivered offsets count."""

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commit each partition's finished prefix, after the role's rules were told."""
        del topics, start_new_transaction  # Faust's own calls never narrow it, and there are no transactions
        offsets = {
            partition: offset
            for partition, offset in self.policy.ledger.committable().items()
            if offset > self._committed.get(partition, -1)
        }
        did_commit = False
        if offsets:
            await self.policy.rules.before_commit(offsets)
            did_commit = await self._commit({TP(*partition): offset for partition, offset in offsets.items()})
        if did_commit:
            self._committed.update(offsets)
        return did_commit

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Commit what is finished, wait a bounded time for what runs, commit again."""
        self._is_draining = True
        self.policy.admission.suspend()
        await self._commit_soon()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Begin a generation: whatever was not committed comes again."""
        self.policy.ledger.open(assigned, generation_id)
        self._committed.clear()
        self._expected.clear()
        self._is_draining = False
        self.policy.admission.resume(generation_id)
        await super().on_partitions_assigned(assigned, generation_id)

    async def perform_seek(self) -> None:
        """Put every partition where reading goes on, and forget what was delivered beyond.

        Faust also calls this for records that it fetched and dropped while flow was stopped. In a drain that changes
        nothing: the next assignment seeks anyway, and what ends until then has to count.
        """
        if self._is_draining:
            return
        generation = self.app.consumer_generation_id
        starts = await self._starts()
        self.policy.ledger.open(starts, generation)
        self._expected = dict(starts)
        await self._thread.seek_all(starts)
        self._read_offset.update({TP(*partition): offset for partition, offset in starts.items()})

    async def _starts(self) -> dict[Partition, int]:
        partitions: list[Partition] = [(tp.topic, tp.partition) for tp in self.assignment()]
        committed = await self._thread.committed(partitions)
        earliest = await self.earliest_offsets(*(TopicPartition(*partition) for partition in partitions))
        states = {
            partition: PartitionState(committed[partition], earliest[TopicPartition(*partition)])
            for partition in partitions
        }
        self._committed = {partition: state.committed for partition, state in states.items() if state.committed}
        try:
            resumed = await self.policy.rules.resume(states)
        except Exception as refusal:
            self.policy.on_refusal(refusal)
            raise
        return {partition: resumed.get(partition, self._start(partition, state)) for partition, state in states.items()}

    def _start(self, partition: Partition, state: PartitionState) -> int:
        wanted = state.committed or 0
        is_new = state.committed is None and not self.policy.is_broker_embedded
        if state.earliest > wanted and not is_new:
            _tell_lost(self.policy.role, partition, wanted, state.earliest)
        return max(wanted, state.earliest)

    def resume_flow(self) -> None:
        """Records flow from here on."""
        super().resume_flow()
        self.policy.on_joined()

    async def wait_empty(self) -> None:
        """Wait for running work, for a bounded time, and commit what is finished then."""
        self._is_draining = True
        self.policy.admission.suspend()
        if not await self._drained():
            _log.warning("the drain's time is over; unfinished events come again", role=self.policy.role)
        await self._commit_soon()

    def drain_seconds(self) -> float:
        """How long a drain waits for running work."""
        return self.policy.drain_timeout_seconds

    async def _drained(self) -> bool:
        """Wait until nothing runs, or it has taken too long, or the process has to end; say whether nothing runs."""
        ends = [
            asyncio.ensure_future(self.policy.admission.until_idle()),
            asyncio.ensure_future(self.policy.crash_happened.wait()),
        ]
        await asyncio.wait(ends, timeout=self.drain_seconds(), return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()
        return self.policy.admission.num_running == 0

    async def on_stop(self) -> None:
        """Commit once more; the app has drained before."""
        self.policy.admission.suspend()
        await self._commit_soon()

    async def _commit_soon(self) -> None:
        try:
            await asyncio.wait_for(self.force_commit(), _COMMIT_SECONDS)
        except TimeoutError:
            _log.warning("no commit before the partitions go; finished events come again", role=self.policy.role)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Leave stalls to the worker's watchdog; Faust's own check has false alarms and only logs."""


def _tell_lost(role: str, partition: Partition, first: int, next_offset: int) -> None:
    metrics.RECORDS_LOST.labels(role, partition[0]).inc(next_offset - first)
    _log.error(
        "records were lost: they fell out of the log before they were read",
        topic=partition[0],
        partition=partition[1],
        first_lost_offset=first,
        num_lost=next_offset - first,
    )

"""A Faust consumer that never commits past work that is not finished, and never waits for it without end.

Written against faust-streaming 0.15.3 with aiokafka 0.14.0; `streams.consumer.version_checks` refuses other versions.
What stock Faust does and this does not:

- commit past one unfinished event at the head, or past any before a first commit;
- take a gap in the log for a finished record;
- believe that a failed commit succeeded, or let one end the process;
- count an event as done because a stream skipped it;
- wait without end for unfinished events in a rebalance and at shutdown;
- stop reading for good after a rebalance that was cut off, see `streams.consumer.flow`;
- hand out what was fetched before a seek after it;
- read what a producer's transaction aborted;
- let a broker park fetches for a fixed 1.5 seconds.

Acks of streams mean nothing here: agents call `CommittableOffsets.finish`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog
from aiokafka.errors import ConsumerStoppedError, KafkaError
from aiokafka.structs import TopicPartition
from faust.transport.drivers import aiokafka as stock
from faust.types import TP
from mode import Service

from streams.consumer.consumer_thread import ClientEnded, Fetched, SafeConsumerThread, Standing
from streams.consumer.flow import ConsumingRefused, Flow, FlowSteps, Grant
from streams.consumer.resume_policy import PartitionState, ResumePolicy
from streams.delivery.admission import Admission
from streams.delivery.committable_offsets import CommittableOffsets, Partition
from streams.observability import metrics

_COMMIT_SECONDS: Final = 5.0
"""How long a drain waits for its last commit; Redis or the broker may be unavailable."""
_POLL_SECONDS: Final = 1.0
"""How long a fetch waits for records."""
_FULL_SECONDS: Final = 0.2
"""Until it is looked again whether an agent's queue has room."""
_LOOK_SECONDS: Final = 5.0
"""Between two looks at whether records flow as they should."""
_ANSWER_SECONDS: Final = 20.0
"""For the client's thread to answer such a look."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ConsumerPolicy:
    """What a role asks of its consumer."""

    role: str
    tracked_offsets: CommittableOffsets
    admission: Admission
    rules: ResumePolicy
    drain_timeout_seconds: float
    fetch_wait_seconds: float
    """How long a broker may park a fetch that finds nothing."""
    is_broker_embedded: bool
    """Then a hole in the offsets means that records were lost."""
    crash_happened: asyncio.Event
    """Then nothing is waited for any more."""
    on_joined: Callable[[], None]
    """The group has given this member its partitions, perhaps none, and records flow."""
    on_left: Callable[[], None]
    """They do not flow any more, until `on_joined` is called again."""
    on_refusal: Callable[[Exception], None]
    """Consuming cannot begin; a restart alone does not help."""


class SafeConsumer(stock.Consumer):
    """Counts delivered and finished offsets itself, in the policy's ledger."""

    _thread: SafeConsumerThread

    def __init__(self, transport: Any, *args: Any, **kwargs: Any) -> None:
        self.policy: ConsumerPolicy = transport.policy
        self._committed: dict[Partition, int] = {}
        """What the group had committed when reading began."""
        self._expected: dict[Partition, int] = {}
        """Next offset of each partition if its log had no holes."""
        self._committing = asyncio.Lock()
        self._lost_positions: frozenset[Partition] = frozenset()
        """Partitions without a position at the last look."""
        steps = FlowSteps(self._prepare, self._hand_out, self._flow_changed, self._flow_failed)
        self._flow = Flow(steps)
        super().__init__(transport, *args, **kwargs)
        self.callback = self._counting(self.callback)

    def _new_consumer_thread(self) -> SafeConsumerThread:
        return SafeConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def _counting(self, hand_out: Callable[[Any], Any]) -> Callable[[Any], Any]:
        async def deliver(message: Any) -> None:
            self._notice_order(message)
            self.policy.tracked_offsets.deliver(message.tp, message.offset)
            await hand_out(message)

        return deliver

    def _notice_order(self, message: Any) -> None:
        """Between two seeks offsets only grow, and the ledger relies on it; a log that went back begins it again."""
        expected = self._expected.get(message.tp, message.offset)
        self._expected[message.tp] = message.offset + 1
        if message.offset > expected and self.policy.is_broker_embedded:
            _tell_lost(self.policy.role, message.tp, expected, message.offset)
        if message.offset < expected:
            _tell_back(message.tp, expected, message.offset)
            self.policy.tracked_offsets.reopen(message.tp)

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
        async with self._committing:  # of two at once, the one with lower offsets may come last
            return await self._commit_what_moved()

    async def _commit_what_moved(self) -> bool:
        tracked_offsets = self.policy.tracked_offsets
        generation, offsets = tracked_offsets.generation, tracked_offsets.uncommitted()
        if not offsets:
            return False
        await self.policy.rules.before_commit(offsets)
        if tracked_offsets.generation != generation:
            return False  # others may have got further with these partitions meanwhile
        if not await self._commit({TP(*partition): offset for partition, offset in offsets.items()}):
            return False
        if tracked_offsets.generation == generation:
            tracked_offsets.note_committed(offsets)
        return True

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        try:
            return bool(await self._thread.commit(offsets))
        except ConsumerStoppedError:
            return False

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Commit what is finished, wait a bounded time for what runs, commit again."""
        self._flow.end()
        self.policy.admission.suspend()
        await self._commit_soon()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Begin a generation: whatever was not committed comes again."""
        self._flow.end()
        self.policy.tracked_offsets.open(assigned, generation_id)
        self._expected.clear()
        try:
            await super().on_partitions_assigned(assigned, generation_id)
        finally:
            if not self._is_stopping:
                self._flow.begin(Grant(frozenset(assigned), generation_id))

    @property
    def _is_stopping(self) -> bool:
        return self.should_stop or self.app.should_stop

    async def _prepare(self, grant: Grant) -> None:
        """Put every partition where reading goes on, and let the agents' queues be filled."""
        starts = await self._starts(grant.partitions)
        await self._thread.seek_all(starts)
        self.policy.tracked_offsets.open(starts, grant.generation, self._committed)
        self._expected = dict(starts)
        self._buffered_partitions.clear()
        self.resume_partitions({TP(*partition) for partition in grant.partitions})
        self.app.flow_control.resume()
        self.app.rebalancing = False
        self.policy.admission.resume(grant.generation)

    async def _hand_out(self, grant: Grant) -> None:
        """Hand out what is fetched, in order: all of a fetch before what the next one brings."""
        while True:
            wanted = self._get_active_partitions()
            if wanted:
                await self._hand_out_all(await self._fetch(wanted), grant)
            else:
                await asyncio.sleep(_FULL_SECONDS)

    async def _fetch(self, wanted: set[TP]) -> Fetched:
        return await self._thread.fetch(wanted, _POLL_SECONDS)

    async def _hand_out_all(self, fetched: Fetched, grant: Grant) -> None:
        for tp, record in self.scheduler.iterate(fetched.records):
            message = self._to_message(tp, record)
            message.generation_id = grant.generation
            await self.callback(message)
        for partition, position in fetched.positions.items():
            self.policy.tracked_offsets.read_to(partition, position)
        await asyncio.sleep(0)

    async def _drain_messages(self, fetcher: Any) -> None:
        """Leave Faust's own loop nothing to do: `Flow` hands records out."""

    def stop_flow(self) -> None:
        """Hand out nothing more."""
        super().stop_flow()
        self._flow.end()

    def _flow_changed(self, is_on: bool) -> None:
        if is_on:
            self.policy.on_joined()
        else:
            self.policy.on_left()

    def _flow_failed(self, error: Exception) -> None:
        if not self._is_stopping and not isinstance(error, ConsumingRefused):
            self.add_future(self.crash(error))

    @Service.task
    async def _look_after_flow(self) -> None:
        while not self.should_stop:
            await self.sleep(_LOOK_SECONDS)
            if not self._is_stopping:
                await self._look()

    async def _look(self) -> None:
        """Compare what the client says with what is served, and mend what differs."""
        grant = self._flow.grant
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                seen = await self._thread.look()
                if self._flow.grant is grant and not seen.is_changing and not self._is_stopping:
                    await self._mend(seen)
        except ClientEnded as end:
            await self.crash(end)
        except (TimeoutError, KafkaError, ConsumerStoppedError) as error:
            _log.warning("consumer position unknown", error=repr(error), role=self.policy.role)

    async def _mend(self, seen: Standing) -> None:
        assigned = Grant(seen.partitions, seen.generation)
        if self._flow.grant != assigned or self._flow.is_cut_off:
            _log.error("rebalance interrupted; continuing with the current assignment", role=self.policy.role)
            self._flow.begin(assigned)
        elif self._flow.is_on:
            await self._seek_lost(seen.without_position)
            self._get_active_partitions().update(
                tp for tp in map(TP._make, seen.partitions) if tp not in self._buffered_partitions
            )

    async def _seek_lost(self, without_position: frozenset[Partition]) -> None:
        """Seek where the client has had no position for two looks: it may be asking for one just now."""
        lost, self._lost_positions = self._lost_positions & without_position, without_position
        if lost:
            _log.error("partitions without a position; seeking again", partitions=sorted(lost), role=self.policy.role)
            await self._thread.seek_all({partition: self._expected[partition] for partition in lost})

    async def _starts(self, granted: frozenset[Partition]) -> dict[Partition, int]:
        partitions = sorted(granted)
        committed = await self._thread.committed(partitions)
        earliest = await self.earliest_offsets(*(TopicPartition(*partition) for partition in partitions))
        states = {
            partition: PartitionState(committed[partition], earliest[TopicPartition(*partition)])
            for partition in partitions
        }
        self._committed = {place: state.committed for place, state in states.items() if state.committed is not None}
        try:
            resumed = await self.policy.rules.resume(states)
        except Exception as refusal:
            self.policy.on_refusal(refusal)
            raise ConsumingRefused(str(refusal)) from refusal
        return {partition: resumed.get(partition, self._start(partition, state)) for partition, state in states.items()}

    def _start(self, partition: Partition, state: PartitionState) -> int:
        wanted = state.committed or 0
        is_new = state.committed is None and not self.policy.is_broker_embedded
        if state.earliest > wanted and not is_new:
            _tell_lost(self.policy.role, partition, wanted, state.earliest)
        return max(wanted, state.earliest)

    async def wait_empty(self) -> None:
        """Wait for running work, for a bounded time, and commit what is finished then."""
        self.policy.admission.suspend()
        if not await self._drained():
            _log.warning("drain timeout; unfinished events will be redelivered", role=self.policy.role)
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
        self._flow.end()
        self.policy.admission.suspend()
        await self._commit_soon()

    async def _commit_soon(self) -> None:
        try:
            await asyncio.wait_for(self.force_commit(), _COMMIT_SECONDS)
        except TimeoutError:
            _log.warning("commit failed before revocation; finished events will be redelivered", role=self.policy.role)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Leave stalls to the worker's watchdog; Faust's own check has false alarms and only logs."""


def _tell_lost(role: str, partition: Partition, first: int, next_offset: int) -> None:
    metrics.RECORDS_LOST.labels(role, partition[0]).inc(next_offset - first)
    _log.error(
        "records lost: retention removed them before they were read",
        topic=partition[0],
        partition=partition[1],
        first_lost_offset=first,
        num_lost=next_offset - first,
    )


def _tell_back(partition: Partition, expected: int, offset: int) -> None:
    _log.error(
        "log truncated: a leader lost records, or the topic was recreated; reading again from there",
        topic=partition[0],
        partition=partition[1],
        expected_offset=expected,
        offset=offset,
    )

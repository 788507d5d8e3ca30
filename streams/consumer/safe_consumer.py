"""A Faust consumer that never commits past unfinished work, and waits for it only for a limited time.

Written against faust-streaming 0.15.3 with aiokafka 0.14.0; `streams.consumer.version_checks` refuses other versions.
Stock Faust has these faults, which this consumer avoids. It:

- commits past one unfinished event at the head, and past any before the first commit;
- takes a gap in the log for a finished record;
- treats a failed commit as successful, or lets it end the process;
- counts an event as done because a stream skipped it;
- waits without a limit for unfinished events in a rebalance and at shutdown;
- stops reading for good after an interrupted rebalance, see `streams.consumer.flow`;
- delivers records that were fetched before a seek after that seek;
- reads records of aborted transactions;
- lets a broker hold fetches for a fixed 1.5 seconds.

Acknowledgements of streams have no effect: agents call `CommittableOffsets.finish`.
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

from streams.consumer.consumer_thread import ClientEnded, Fetched, GroupView, SafeConsumerThread
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
"""Time until the room in an agent's queue is checked again."""
_LOOK_SECONDS: Final = 5.0
"""Time between two checks of whether records are delivered as they should be."""
_ANSWER_SECONDS: Final = 20.0
"""Time for the client's thread to answer such a check."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ConsumerPolicy:
    """Options that a role gives its consumer."""

    role: str
    tracked_offsets: CommittableOffsets
    admission: Admission
    rules: ResumePolicy
    drain_timeout_seconds: float
    fetch_wait_seconds: float
    """How long a broker may hold a fetch that finds no record."""
    is_broker_embedded: bool
    """With the embedded broker, a hole in the offsets means that records were lost."""
    fatal_error_happened: asyncio.Event
    """Set after a fatal error; nothing waits from then on."""
    on_joined: Callable[[], None]
    """Called when the group has assigned partitions, possibly none, and records are delivered."""
    on_left: Callable[[], None]
    """Called when delivery stops, until `on_joined` is called again."""
    on_refusal: Callable[[Exception], None]
    """Called if consuming cannot start and a restart alone does not help."""


class SafeConsumer(stock.Consumer):
    """Tracks delivered and finished offsets itself, in the policy's offset tracker."""

    _thread: SafeConsumerThread

    def __init__(self, transport: Any, *args: Any, **kwargs: Any) -> None:
        self.policy: ConsumerPolicy = transport.policy
        self._expected: dict[Partition, int] = {}
        """Next offset of each partition if its log had no holes."""
        self._committing = asyncio.Lock()
        self._lost_positions: frozenset[Partition] = frozenset()
        """Partitions without a position at the last check."""
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
        """Between two seeks offsets only grow, which the offset tracker requires; if a log starts again, the tracker is
        reset."""
        expected = self._expected.get(message.tp, message.offset)
        self._expected[message.tp] = message.offset + 1
        if message.offset > expected and self.policy.is_broker_embedded:
            _tell_lost(self.policy.role, message.tp, expected, message.offset)
        if message.offset < expected:
            _tell_back(message.tp, expected, message.offset)
            self.policy.tracked_offsets.reopen(message.tp)

    def ack(self, message: Any) -> bool:
        """Do nothing: see the module's docstring."""
        message.acked = True
        self._unacked_messages.discard(message)
        return False

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Do nothing: only delivered offsets count, so gaps are irrelevant."""

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commit the finished prefix of each partition, after the resume policy has been called."""
        del topics, start_new_transaction  # Faust's own calls never restrict the topics, and there are no transactions
        async with self._committing:  # with two concurrent commits, the one with lower offsets may be the last
            return await self._commit_what_moved()

    async def _commit_what_moved(self) -> bool:
        tracked_offsets = self.policy.tracked_offsets
        generation, offsets = tracked_offsets.generation, tracked_offsets.uncommitted()
        if not offsets:
            return False
        await self.policy.rules.before_commit(offsets)
        if tracked_offsets.generation != generation:
            return False  # other calls may have advanced these partitions meanwhile
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
        """Commit finished work, wait a limited time for running work, and commit again."""
        self._flow.end()
        self.policy.admission.suspend()
        await self._commit_soon()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Start a generation: everything that was not committed is redelivered."""
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
        """Set the start position of every partition, and let the agents' queues be filled."""
        starts, committed = await self._starts(grant.partitions)
        self._flow.require_served(grant)
        await self._thread.seek_all(starts)
        self._flow.require_served(grant)
        self.policy.tracked_offsets.open(starts, grant.generation, committed)
        self._expected = dict(starts)
        self._buffered_partitions.clear()
        self.resume_partitions({TP(*partition) for partition in grant.partitions})
        self.app.flow_control.resume()
        self.app.rebalancing = False
        self.policy.admission.resume(grant.generation)

    async def _hand_out(self, grant: Grant) -> None:
        """Deliver fetched records in order: all records of a fetch before those of the next one."""
        while True:
            wanted = self._get_active_partitions()
            if wanted:
                await self._hand_out_all(await self._fetch(wanted), grant)
            else:
                await asyncio.sleep(_FULL_SECONDS)
            self._flow.require_served(grant)

    async def _fetch(self, wanted: set[TP]) -> Fetched:
        return await self._thread.fetch(wanted, _POLL_SECONDS)

    async def _hand_out_all(self, fetched: Fetched, grant: Grant) -> None:
        for tp, record in self.scheduler.iterate(fetched.records):
            message = self._to_message(tp, record)
            message.generation_id = grant.generation
            self._flow.require_served(grant)
            await self.callback(message)
        self._flow.require_served(grant)
        for partition, position in fetched.positions.items():
            self.policy.tracked_offsets.read_to(partition, position)
        await asyncio.sleep(0)

    async def _drain_messages(self, fetcher: Any) -> None:
        """Leave Faust's own loop nothing to do: `Flow` delivers records."""

    def stop_flow(self) -> None:
        """Stop delivering records."""
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
        """Compare the client's state with the served assignment, and repair differences."""
        grant = self._flow.grant
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                seen = await self._thread.look()
                if self._flow.grant is grant and not seen.is_changing and not self._is_stopping:
                    await self._repair(seen)
        except ClientEnded as end:
            await self.crash(end)
        except (TimeoutError, KafkaError, ConsumerStoppedError) as error:
            _log.warning("consumer position unknown", error=repr(error), role=self.policy.role)

    async def _repair(self, seen: GroupView) -> None:
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
        """Seek if the client has had no position for two checks in a row; after one check it may still be requesting
        it."""
        lost, self._lost_positions = self._lost_positions & without_position, without_position
        if lost:
            _log.error("partitions without a position; seeking again", partitions=sorted(lost), role=self.policy.role)
            await self._thread.seek_all({partition: self._expected[partition] for partition in lost})

    async def _starts(self, granted: frozenset[Partition]) -> tuple[dict[Partition, int], dict[Partition, int]]:
        """Return where to start, and the committed offsets of the group."""
        partitions = sorted(granted)
        committed = await self._thread.committed(partitions)
        earliest = await self.earliest_offsets(*(TopicPartition(*partition) for partition in partitions))
        states = {
            partition: PartitionState(committed[partition], earliest[TopicPartition(*partition)])
            for partition in partitions
        }
        try:
            resumed = await self.policy.rules.resume(states)
        except Exception as refusal:
            self.policy.on_refusal(refusal)
            raise ConsumingRefused(str(refusal)) from refusal
        starts = {place: resumed.get(place, self._start(place, state)) for place, state in states.items()}
        return starts, {place: state.committed for place, state in states.items() if state.committed is not None}

    def _start(self, partition: Partition, state: PartitionState) -> int:
        wanted = state.committed or 0
        is_new = state.committed is None and not self.policy.is_broker_embedded
        if state.earliest > wanted and not is_new:
            _tell_lost(self.policy.role, partition, wanted, state.earliest)
        return max(wanted, state.earliest)

    async def wait_empty(self) -> None:
        """Wait for running work, for a limited time, and commit what is finished then."""
        self.policy.admission.suspend()
        if not await self._drained():
            _log.warning("drain timeout; unfinished events will be redelivered", role=self.policy.role)
        await self._commit_soon()

    def drain_seconds(self) -> float:
        """How long a drain waits for running work."""
        return self.policy.drain_timeout_seconds

    async def _drained(self) -> bool:
        """Wait until nothing runs, the time is up, or the process must end; return whether nothing runs."""
        ends = [
            asyncio.ensure_future(self.policy.admission.until_idle()),
            asyncio.ensure_future(self.policy.fatal_error_happened.wait()),
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
        """Do nothing: the worker's watchdog detects stalls; Faust's own check has false alarms and only logs."""


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

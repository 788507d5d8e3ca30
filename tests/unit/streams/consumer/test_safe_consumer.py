"""What the consumer does with the ledger, without a broker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from faust.types import TP
from structlog.testing import capture_logs

from streams.consumer.consumer_thread import Fetched
from streams.consumer.flow import Flow, FlowSteps, Grant
from streams.consumer.resume_policy import PartitionState
from streams.consumer.safe_consumer import ConsumerPolicy, SafeConsumer
from streams.delivery.admission import Admission
from streams.delivery.committable_offsets import CommittableOffsets, Partition
from streams.record import Place, Record

PARTITION = TP("topic", 0)
RECORD = Record(Place("topic", 0, 0), b"video", b"{}", (), 0.0, generation=1)


class NotedRules:
    """Notes what is about to be committed, or waits for a store that is unavailable."""

    def __init__(self, order: list[Any]) -> None:
        self._order = order
        self.gate = asyncio.Event()
        """Open while the store answers."""
        self.gate.set()

    async def resume(self, partitions: Mapping[Partition, PartitionState]) -> dict[Partition, int]:
        return {}

    async def before_commit(self, offsets: Mapping[Partition, int]) -> None:
        self._order.append(("store", dict(offsets)))
        await self.gate.wait()


class OfflineConsumer(SafeConsumer):
    """The consumer's own logic; what asks a broker is noted."""

    def __init__(
        self, *, refuses: bool = False, drain_timeout_seconds: float = 0.01, is_broker_embedded: bool = False
    ) -> None:
        self.order: list[Any] = []
        self.rules = NotedRules(self.order)
        self.refuses = refuses
        self.policy = ConsumerPolicy(
            role="verdict",
            tracked_offsets=CommittableOffsets(),
            admission=Admission(4, ("agent",)),
            rules=self.rules,
            drain_timeout_seconds=drain_timeout_seconds,
            fetch_wait_seconds=0.1,
            is_broker_embedded=is_broker_embedded,
            fatal_error_happened=asyncio.Event(),
            on_joined=lambda: None,
            on_left=lambda: None,
            on_refusal=lambda error: None,
        )
        self._expected = {}
        self._committing = asyncio.Lock()
        self.policy.tracked_offsets.open([PARTITION], 1)

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        self.order.append(("kafka", dict(offsets)))
        return not self.refuses

    def finish(self, offset: int) -> None:
        """Deliver and finish one record."""
        self.policy.tracked_offsets.deliver(PARTITION, offset)
        self.policy.tracked_offsets.finish(PARTITION, offset, agent="agent", generation=1)


class TestSafeConsumer:
    async def test_store_learns_of_progress_before_kafka(self) -> None:
        """The rules are told before the offsets are committed, and of the same offsets."""
        consumer = OfflineConsumer()
        consumer.finish(0)
        assert await consumer.force_commit() is True
        assert consumer.order == [("store", {PARTITION: 1}), ("kafka", {PARTITION: 1})]

    async def test_commits_nothing_twice(self) -> None:
        """Without progress there is no commit."""
        consumer = OfflineConsumer()
        consumer.finish(0)
        await consumer.force_commit()
        assert await consumer.force_commit() is False
        assert len(consumer.order) == 2

    async def test_a_refused_commit_is_tried_again(self) -> None:
        """What Kafka refused is not taken for committed."""
        consumer = OfflineConsumer(refuses=True)
        consumer.finish(0)
        assert await consumer.force_commit() is False
        consumer.refuses = False
        assert await consumer.force_commit() is True

    async def test_streams_acks_finish_nothing(self) -> None:
        """Faust acks what a stream skips; only an agent's word counts."""
        consumer = OfflineConsumer()
        consumer._unacked_messages = set()
        consumer.policy.tracked_offsets.deliver(PARTITION, 0)
        message = type("Message", (), {"acked": False, "tp": PARTITION, "offset": 0})()
        consumer.ack(message)
        assert consumer.policy.tracked_offsets.uncommitted() == {}

    async def test_what_ends_in_a_drain_counts(self) -> None:
        """A drain commits what finishes in it."""
        consumer = OfflineConsumer()
        consumer.finish(0)
        await consumer.wait_empty()
        assert consumer.order == [("store", {PARTITION: 1}), ("kafka", {PARTITION: 1})]

    async def test_two_commits_at_once_keep_their_order(self) -> None:
        """A commit that waits for the store does not come behind one with higher offsets, and undo it."""
        consumer = OfflineConsumer()
        consumer.rules.gate.clear()
        consumer.finish(0)
        first = asyncio.create_task(consumer.force_commit())
        await asyncio.sleep(0)
        consumer.finish(1)
        second = asyncio.create_task(consumer.force_commit())
        await asyncio.sleep(0)
        consumer.rules.gate.set()
        await asyncio.gather(first, second)
        assert [offsets[PARTITION] for kind, offsets in consumer.order if kind == "kafka"] == [1, 2]

    async def test_commits_nothing_of_an_earlier_generation(self) -> None:
        """What waited for the store while the partitions changed hands is not committed: others may be further."""
        consumer = OfflineConsumer()
        consumer.rules.gate.clear()
        consumer.finish(0)
        commit = asyncio.create_task(consumer.force_commit())
        await asyncio.sleep(0)
        consumer.policy.tracked_offsets.open([PARTITION], 2)
        consumer.rules.gate.set()
        assert await commit is False
        assert [kind for kind, _offsets in consumer.order] == ["store"]

    async def test_a_log_that_went_back_is_read_again(self) -> None:
        """A topic that was made again has other records under old offsets; their commits go back as well."""
        consumer = OfflineConsumer()
        consumer._expected = {PARTITION: 7}
        consumer.finish(7)
        await consumer.force_commit()
        consumer._notice_order(SimpleNamespace(tp=PARTITION, offset=7))
        with capture_logs() as lines:
            consumer._notice_order(SimpleNamespace(tp=PARTITION, offset=0))
        consumer.finish(0)
        await consumer.force_commit()
        assert consumer.order[-1] == ("kafka", {PARTITION: 1})
        assert [(line["expected_offset"], line["offset"]) for line in lines] == [(8, 0)]

    async def test_drain_ends_although_work_does_not(self) -> None:
        """Work that never ends holds a drain for its time only."""
        consumer = OfflineConsumer()
        consumer.policy.admission.resume(1)
        admission: Any = consumer.policy.admission
        slot = await admission.enter(RECORD, "agent")
        await asyncio.wait_for(consumer.wait_empty(), 60)
        assert slot.num_active == 1

    async def test_drain_ends_at_once_when_the_process_has_to(self) -> None:
        """A crash does not wait for the drain's time."""
        consumer = OfflineConsumer(drain_timeout_seconds=1000)
        consumer.policy.admission.resume(1)
        admission: Any = consumer.policy.admission
        slot = await admission.enter(RECORD, "agent")
        waiting = asyncio.ensure_future(consumer.wait_empty())
        for _ in range(20):
            await asyncio.sleep(0)
        assert not waiting.done()
        consumer.policy.fatal_error_happened.set()
        await asyncio.wait_for(waiting, 60)
        assert slot.num_active == 1

    def test_begins_at_the_first_kept_record(self) -> None:
        """Where retention has passed the committed offset, reading goes on at what is left."""
        consumer = OfflineConsumer()
        assert consumer._start(PARTITION, PartitionState(committed=5, earliest=9)) == 9
        assert consumer._start(PARTITION, PartitionState(committed=5, earliest=2)) == 5
        assert consumer._start(PARTITION, PartitionState(committed=None, earliest=2)) == 2


class TestLostRecords:
    def lost(self, offsets: list[int], *, embedded: bool) -> list[int]:
        """First lost offsets that are told of while records with these offsets arrive."""
        consumer = OfflineConsumer(is_broker_embedded=embedded)
        with capture_logs() as lines:
            for offset in offsets:
                consumer._notice_order(SimpleNamespace(tp=PARTITION, offset=offset))
        return [line["first_lost_offset"] for line in lines]

    def test_a_hole_in_an_embedded_broker_is_an_error(self) -> None:
        """The embedded broker drops old records; a jump in the offsets says that some were never read."""
        assert self.lost([3, 4, 9], embedded=True) == [5]

    def test_a_hole_in_a_real_broker_is_normal(self) -> None:
        """Compaction and transactions leave holes."""
        assert self.lost([3, 4, 9], embedded=False) == []

    def test_retention_that_passed_the_group_is_an_error(self) -> None:
        """Records that expired before they were read are told of, on any broker."""
        consumer = OfflineConsumer()
        with capture_logs() as lines:
            consumer._start(PARTITION, PartitionState(committed=5, earliest=9))
        assert [(line["first_lost_offset"], line["num_lost"]) for line in lines] == [(5, 4)]


class TestEndedGrant:
    """A grant whose cancellation is swallowed where it waits, as `asyncio.wait_for` does before Python 3.12."""

    async def test_changes_nothing_once_it_finds_its_start(self) -> None:
        """The wait for the store outlives the grant: positions, offsets and admission stay those of the next one."""
        consumer = GrantedConsumer(swallowing="resume")
        consumer._flow.begin(FIRST_GRANT)
        await consumer.until("resume")
        consumer._flow.end()
        await consumer.settle()
        assert consumer.thread.seeks == []
        assert consumer.policy.admission.is_over(RECORD)

    async def test_changes_nothing_after_it_has_sought(self) -> None:
        """The client seeks, and the grant ends meanwhile: no record of it is admitted, nor are its offsets opened."""
        consumer = GrantedConsumer(swallowing="seek")
        consumer._flow.begin(FIRST_GRANT)
        await consumer.until("seek")
        consumer._flow.end()
        await consumer.settle()
        assert consumer.policy.tracked_offsets.generation == -1
        assert consumer.policy.admission.is_over(RECORD)

    async def test_hands_out_nothing_that_it_fetched(self) -> None:
        """Records that arrive for an ended grant are not handed out, and the offsets behind them are not passed."""
        consumer = GrantedConsumer(swallowing="fetch")
        consumer._flow.begin(FIRST_GRANT)
        await consumer.until("fetch")
        consumer._flow.end()
        await consumer.settle()
        assert consumer.delivered == []
        assert consumer.policy.tracked_offsets.uncommitted() == {}

    async def test_hands_out_no_further_record_of_a_fetch(self) -> None:
        """The grant ends while its first record is handed out: the second one stays where it is."""
        consumer = GrantedConsumer(swallowing="hand out")
        consumer._flow.begin(FIRST_GRANT)
        await consumer.until("hand out")
        consumer._flow.end()
        await consumer.settle()
        assert consumer.delivered == [0]
        assert consumer.policy.tracked_offsets.uncommitted() == {}


FIRST_GRANT = Grant(frozenset({PARTITION}), 1)


class WaitingRules:
    """Starts where Kafka says, after a wait."""

    def __init__(self, wait: Callable[[str], Awaitable[None]]) -> None:
        self._wait = wait

    async def resume(self, partitions: Mapping[Partition, PartitionState]) -> dict[Partition, int]:
        """Wait, and name no offset."""
        del partitions
        await self._wait("resume")
        return {}

    async def before_commit(self, offsets: Mapping[Partition, int]) -> None:
        """Do nothing."""


class GrantedConsumer(OfflineConsumer):
    """Serves grants of two records; one of its waits swallows a cancellation.

    Args:
        swallowing: `resume`, `seek`, `fetch` or `hand out`.
    """

    def __init__(self, swallowing: str) -> None:
        super().__init__()
        self._swallowing = swallowing
        self._reached: list[str] = []
        self.delivered: list[int] = []
        self.thread = SimpleNamespace(
            seeks=[], committed=self._told_committed, seek_all=self._seek, fetch=self._fetched
        )
        self._thread: Any = self.thread
        self.policy = replace(self.policy, rules=WaitingRules(self._pass))
        self.policy.tracked_offsets.generation = -1
        self.app = SimpleNamespace(flow_control=SimpleNamespace(resume=lambda: None), rebalancing=True)
        self._buffered_partitions: set[TP] = set()
        self.scheduler = SimpleNamespace(iterate=lambda records: iter(records))
        self.callback = self._counting(self._take)
        self._flow = Flow(FlowSteps(self._prepare, self._hand_out, lambda is_on: None, lambda error: None))

    async def until(self, name: str) -> None:
        """Return when that wait has begun."""
        async with asyncio.timeout(30):
            while name not in self._reached:
                await asyncio.sleep(0)

    async def settle(self) -> None:
        """Let the ended grant do what it still does."""
        for _ in range(20):
            await asyncio.sleep(0)

    async def earliest_offsets(self, *partitions: Any) -> dict[Any, int]:
        return dict.fromkeys(partitions, 0)

    def resume_partitions(self, partitions: set[TP]) -> None:
        del partitions

    def _get_active_partitions(self) -> set[TP]:
        return {PARTITION}

    def _to_message(self, tp: TP, record: Any) -> Any:
        return SimpleNamespace(tp=tp, offset=record, generation_id=-1)

    async def _told_committed(self, partitions: list[Partition]) -> dict[Partition, int | None]:
        return dict.fromkeys(partitions, None)

    async def _seek(self, starts: Mapping[Partition, int]) -> None:
        self.thread.seeks.append(dict(starts))
        await self._pass("seek")

    async def _fetched(self, wanted: set[TP], timeout_seconds: float) -> Fetched:
        del wanted, timeout_seconds
        await self._pass("fetch")
        return Fetched([(PARTITION, 0), (PARTITION, 1)], {PARTITION: 2})  # type: ignore[arg-type]

    async def _take(self, message: Any) -> None:
        self.delivered.append(message.offset)
        await self._pass("hand out")

    async def _pass(self, name: str) -> None:
        self._reached.append(name)
        if name == self._swallowing:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

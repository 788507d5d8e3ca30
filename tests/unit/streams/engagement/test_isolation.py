"""One event that brings an unexpected error about, or ends the process, costs itself and nothing else of its batch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from structlog.testing import capture_logs

from operators.internal_errors import SharedStateFault
from schemas.facts import Failure
from streams.delivery.held_events import HeldEvents
from streams.engagement import consumer as consumers
from streams.engagement.batch_board import BatchBoard, CountedRange, Suspects, counted_range
from streams.engagement.consumer import EngagementConsumer, Parts
from streams.engagement.errors import Stopping
from streams.engagement.group_wait import GroupWait
from streams.engagement.store import Changes, Found
from streams.engagement.summaries import ROLE
from streams.lifecycle.exclusive_board import ExclusiveBoard
from streams.observability import metrics
from streams.record import Place
from tests.fakes import ManualClock
from tests.support.engagement_log import TOPIC, LogClient, LogEvent, events

LIMIT = 3


@pytest.fixture(autouse=True)
def _silent_logs() -> Iterator[None]:
    """Keep structlog's default from drawing every traceback."""
    with capture_logs():
        yield


@dataclass
class Store:
    """Where partitions stand, and which videos were counted."""

    stands: dict[int, int | None]
    poison: frozenset[str] = frozenset()
    fault: Callable[[], Exception] = lambda: ValueError("a bug")
    counted: list[str] = field(default_factory=list)
    unreadable: frozenset[int] = frozenset()
    deaths: dict[int, Suspects] = field(default_factory=dict)
    num_commits: int = 0
    moves: dict[int, int] = field(default_factory=dict)
    """Partitions that somebody else counts on in, once something was counted here."""

    def positions(self, partitions: Sequence[int]) -> dict[int, int | None]:
        return {partition: self.stands[partition] for partition in partitions if partition not in self.unreadable}

    def suspects(self, partitions: Sequence[int]) -> dict[int, Suspects]:
        return {partition: self.deaths[partition] for partition in partitions if partition in self.deaths}

    def forget_suspects(self, partition: int, position: int) -> None:
        assert self.deaths.pop(partition).last < position

    def mend(self, error: Exception) -> bool:
        del error
        return False

    @contextmanager
    def begin(self) -> Any:
        yield None

    def read(self, transaction: Any, arrivals: Any) -> Found:
        del transaction
        videos = [arrival.event.video_id for found in arrivals.values() for arrival in found]
        return Found(self.positions(list(arrivals)), {}, dict.fromkeys(videos), frozenset(), frozenset())

    def commit(self, transaction: Any, changes: Changes, found: Found) -> None:
        del transaction, found
        if self.poison.intersection(changes.records):
            raise self.fault()
        self.num_commits += 1
        self.counted += changes.records
        self.stands.update(changes.positions)
        if self.counted:
            self.stands |= self.moves


@dataclass
class LoopBridge:
    """Keeps what was refused."""

    refused: list[tuple[int, str]] = field(default_factory=list)
    fault: Exception | None = None

    def refuse(self, refusals: Sequence[tuple[LogEvent, Failure]]) -> None:
        if refusals and self.fault is not None:
            raise self.fault
        self.refused += [(message.offset(), failure.cause) for message, failure in refusals]

    def poll(self, partitions: Any) -> None:
        del partitions


class Role:
    """A consumer, without a thread."""

    def __init__(self, store: Store, batch: list[LogEvent], board: ExclusiveBoard | None = None) -> None:
        self.store, self.bridge, self.clock = store, LoopBridge(), ManualClock()
        self.held = HeldEvents(ROLE, self.clock, max_dead_letters=LIMIT, window_seconds=600.0)
        self.stopping = threading.Event()
        wait = GroupWait(self.stopping, self.clock)
        parts = Parts(store, self.bridge, self.bridge, self.clock, wait, 60.0, self.held, BatchBoard(board))  # type: ignore[arg-type]
        self.consumer: Any = EngagementConsumer({}, TOPIC, parts, lambda: None, lambda: None)
        log = {partition: [event for event in batch if event.at_partition == partition] for partition in store.stands}
        self.client = self.consumer._partitions.client = LogClient(log)
        self.assign(*store.stands)

    def assign(self, *partitions: int) -> None:
        self.consumer._partitions.take(self.client, [TopicPartition(TOPIC, partition) for partition in partitions])

    def step(self) -> None:
        self.consumer._step()


def errors() -> float:
    return float(metrics.INTERNAL_ERRORS.labels(ROLE, "record")._value.get())


class TestPoisonEvents:
    def test_only_the_poison_is_refused(self) -> None:
        """Everything beside it is counted, in the same step, and each partition stands behind its last record."""
        batch = events(0, 5, 20) + events(1, 7, 20)
        poison = batch[13].video_id
        role, before = Role(Store({0: 5, 1: 7}, frozenset({poison})), batch), errors()
        role.step()
        assert sorted(role.store.counted) == sorted({message.video_id for message in batch} - {poison})
        assert role.bridge.refused == [(18, "internal-error")]
        assert role.store.stands == {0: 25, 1: 27}
        assert role.consumer.num_finished == len(batch)
        assert errors() - before == 3

    def test_an_event_that_cannot_be_read_by_a_bug_of_ours(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The same where reading it fails otherwise than by a named refusal."""

        def read(message: LogEvent, now_unix_seconds: float) -> Any:
            if message.at_offset == 6:
                raise ZeroDivisionError
            return parse_event(message, now_unix_seconds)

        parse_event = consumers.parse_event
        monkeypatch.setattr(consumers, "parse_event", read)
        role = Role(Store({0: 5}), events(0, 5, 4))
        role.step()
        assert role.bridge.refused == [(6, "internal-error")]
        assert role.store.counted == ["v0-5", "v0-7", "v0-8"]

    def test_an_error_that_goes_away_costs_nothing(self) -> None:
        """Each event is tried again before it is given up."""
        faults = iter([ValueError("once"), ValueError("twice")])
        store = Store({0: 5}, frozenset({"v0-5"}), fault=lambda: next(faults, Stopping()))
        commit = store.commit

        def soon_well(*arguments: Any) -> None:
            try:
                commit(*arguments)
            except Stopping:
                store.poison = frozenset()
                commit(*arguments)

        store.commit = soon_well  # type: ignore[method-assign]
        role = Role(store, events(0, 5, 1))
        role.step()
        assert (role.store.counted, role.bridge.refused) == (["v0-5"], [])

    def test_what_all_events_share_ends_the_role(self) -> None:
        """No event is blamed for the store or for the order of offsets."""
        store = Store({0: 5}, frozenset({"v0-5"}), fault=lambda: SharedStateFault("offsets"))
        role = Role(store, events(0, 5, 4))
        with pytest.raises(SharedStateFault):
            role.step()
        assert role.bridge.refused == []

    def test_a_refusal_that_fails_ends_the_role(self) -> None:
        """Dead letters are shared: an event must not vanish without one."""
        role = Role(Store({0: 5}, frozenset({"v0-5"})), events(0, 5, 1))
        role.bridge.fault = RuntimeError("no dead letters")
        with pytest.raises(RuntimeError):
            role.step()
        assert role.store.stands == {0: 5}

    def test_a_partition_that_moved_on_within_the_parts_is_left_alone(self) -> None:
        """Its later parts would skip what lies between, or count twice."""
        store = Store({0: 5}, frozenset({"v0-12"}), moves={0: 100})
        role = Role(store, events(0, 5, 8))
        role.step()
        assert [place.offset for place in role.client.sought] == [100]
        assert set(role.store.counted) < {f"v0-{offset}" for offset in range(5, 12)}
        assert role.consumer._partitions.positions == {0: 100}


class TestMovedStore:
    """Somebody else counts on, or the store went back, while a batch is in hand: nothing of it is counted over that."""

    def test_while_an_event_is_given_up(self) -> None:
        """The store went back between the last try and the dead letter: what lies between is not passed over."""
        store = Store({0: 10}, frozenset({"v0-10"}))
        role = Role(store, events(0, 5, 12))
        may_give_up, older = role.held.may_give_up, iter([5])

        def fail_over(place: Place, failure: Failure) -> bool:
            store.stands[0] = next(older, store.stands[0])
            return may_give_up(place, failure)

        role.held.may_give_up = fail_over  # type: ignore[method-assign]
        role.step()
        assert (store.stands, role.bridge.refused, store.counted) == ({0: 5}, [], [])
        role.step()
        assert store.counted == [f"v0-{offset}" for offset in range(5, 17) if offset != 10]

    def test_while_a_suspect_is_given_up(self) -> None:
        """The same of an event that ended workers."""
        store = Store({0: 10}, deaths={0: Suspects(12, 12, 2)})
        role = Role(store, events(0, 5, 12))
        commit = store.commit

        def fail_over(transaction: Any, changes: Changes, found: Found) -> None:
            commit(transaction, changes, found)
            if changes.positions == {0: 12}:
                store.stands[0] = 5

        store.commit = fail_over  # type: ignore[method-assign]
        role.step()
        assert (store.stands, role.bridge.refused, store.counted) == ({0: 5}, [], ["v0-10", "v0-11"])

    def test_a_part_that_the_part_before_does_not_lead_up_to(self) -> None:
        """Whoever took the part before out of the batch, what follows is not counted, whatever position is believed."""
        store = Store({0: 5})
        role = Role(store, events(0, 5, 8))
        role.consumer._partitions.settle()
        role.consumer._in_hand, role.consumer._began = {0: events(0, 5, 8)}, {0: 5}
        later = {0: events(0, 9, 4)}
        role.consumer._count(later)
        assert (store.counted, later, store.stands) == ([], {}, {0: 5})
        assert [place.offset for place in role.client.sought] == [5]

    def test_events_that_are_counted_already_are_not_counted_again(self) -> None:
        """The client handed them out twice."""
        role = Role(Store({0: 5}), events(0, 5, 8))
        role.step()
        role.client.standing[0] = 7
        role.step()
        assert len(role.store.counted) == 8
        assert role.client.standing == {0: 13}

    def test_while_nothing_comes_in(self) -> None:
        """An older copy says so to nobody: what it lost is counted again, and nothing is committed over it."""
        role = Role(Store({0: 5, 1: None}), events(0, 5, 8))
        role.step()
        role.clock.advance(5.0)
        role.step()
        assert role.client.committed == {0: 13}
        role.store.stands[0], role.client.committed = 6, {}
        role.clock.advance(5.0)
        role.step()
        assert role.client.committed == {0: 6}
        role.step()
        assert role.store.stands[0] == 13
        assert role.store.counted[-1] == "v0-12"

    @pytest.mark.parametrize("idle_seconds", [0.0, 60.0])
    def test_before_the_client_reads(self, idle_seconds: float) -> None:
        """The last batch of the former owner lands late, and the client refuses to seek yet: that ends no worker.

        Met with a batch, or in the look at the store without one.
        """
        role = Role(Store({0: 5}), events(0, 5, 8))
        role.consumer._partitions.settle()

        def refuse(place: TopicPartition) -> None:
            del place
            raise KafkaException(KafkaError(KafkaError._STATE))

        role.client.seek = refuse  # type: ignore[method-assign]
        role.store.stands[0] = 9
        role.clock.advance(idle_seconds)
        late = role.client.log.pop(0)
        role.client.log[0] = [] if idle_seconds else late
        role.step()
        role.client.log[0] = late
        role.step()
        assert role.store.counted == ["v0-9", "v0-10", "v0-11", "v0-12"]

    def test_while_its_event_is_held(self) -> None:
        """The partition that waits is read from there at once."""
        store = Store({0: 9}, frozenset(event.video_id for event in events(0, 9, 10)))
        role = Role(store, events(0, 5, 15))
        role.step()
        assert role.held.is_paused
        store.stands[0] = 5
        role.clock.advance(5.0)  # too short for another try
        role.consumer._partitions.held.hold(0, 12, role.clock.monotonic_seconds())
        role.step()
        assert not role.held.is_paused
        role.step()
        assert store.counted[:4] == ["v0-5", "v0-6", "v0-7", "v0-8"]


class TestLimit:
    def test_one_event_waits_at_the_limit_and_is_counted_once_that_works(self) -> None:
        """A bug over every event writes no more dead letters than the limit, and loses none once it is mended."""
        batch = events(0, 5, 10)
        store = Store({0: 5}, frozenset(message.video_id for message in batch))
        role = Role(store, batch)
        for _ in range(5):
            role.step()
            assert role.held.is_paused
            assert role.client.committed.get(0, 8) == 8
            role.clock.advance(60.0)
        assert role.bridge.refused == [(5, "internal-error"), (6, "internal-error"), (7, "internal-error")]
        store.poison = frozenset()
        role.step()
        assert store.counted == [f"v0-{offset}" for offset in range(8, 15)]
        assert role.client.committed == {0: 15}
        assert not role.held.is_paused

    def test_the_other_partitions_are_counted_meanwhile(self) -> None:
        """An event that may not be given up stops what lies behind it, and nothing else."""
        store = Store({0: 5, 1: 7}, frozenset(message.video_id for message in events(0, 5, 10)))
        role = Role(store, events(0, 5, 10) + events(1, 7, 20))
        role.step()
        assert store.stands == {0: 8, 1: 27}
        role.client.log[1] += events(1, 27, 5)
        role.step()
        assert store.stands == {0: 8, 1: 32}
        assert role.held.is_paused

    def test_it_is_tried_alone_and_less_and_less_often(self) -> None:
        """Each try costs three errors, however long the batch is, and comes after a longer wait."""
        batch = events(0, 5, 100)
        store = Store({0: 5}, frozenset(message.video_id for message in batch))
        role = Role(store, batch)
        role.step()
        before, tries = errors(), []
        for second in range(400):
            role.clock.advance(1.0)
            role.step()
            if errors() > before:
                tries.append(second)
                assert errors() - before == 3
                before = errors()
        waits = [later - earlier for earlier, later in pairwise(tries)]
        assert waits[0] < 8
        assert 30 <= waits[-1] <= 61
        assert len(role.bridge.refused) == LIMIT

    def test_the_window_frees_it(self) -> None:
        """Once the dead letters before it are old enough, it is given up like them, wherever it waits."""
        store = Store({0: 5}, frozenset(message.video_id for message in events(0, 5, 4)))
        role = Role(store, events(0, 5, 6))
        role.step()
        role.clock.advance(660.0)
        role.step()
        assert [offset for offset, _ in role.bridge.refused] == [5, 6, 7, 8]
        assert store.counted == ["v0-9", "v0-10"]
        assert not role.held.is_paused

    def test_a_partition_that_leaves_is_not_waited_for(self) -> None:
        """Somebody else holds it now: the role is not paused by it any more, and reads it if it comes back."""
        store = Store({0: 5}, frozenset(message.video_id for message in events(0, 5, 4)))
        role = Role(store, events(0, 5, 6))
        role.step()
        role.consumer._partitions.give_back(role.client, [TopicPartition(TOPIC, 0)])
        assert not role.held.is_paused
        store.stands[0] = 10
        role.assign(0)
        role.step()
        assert store.counted == ["v0-10"]

    def test_a_partition_that_somebody_else_counts_is_not_waited_for(self) -> None:
        """The same where the store says so."""
        store = Store({0: 5}, frozenset(message.video_id for message in events(0, 5, 4)))
        role = Role(store, events(0, 5, 6))
        role.step()
        store.stands[0] = 10
        role.clock.advance(60.0)
        role.step()
        assert not role.held.is_paused
        role.step()
        assert store.counted == ["v0-10"]


class TestPlaces:
    def test_a_place_that_is_none_stops_its_partition_only(self) -> None:
        """The store has something else where a number belongs: the others are counted, and it goes on once mended."""
        store = Store({0: 5, 1: 7}, unreadable=frozenset({0}))
        role = Role(store, events(0, 5, 10) + events(1, 7, 20))
        role.step()
        assert store.stands == {0: 5, 1: 27}
        assert role.consumer.is_waiting
        store.unreadable = frozenset()
        role.clock.advance(60.0)
        role.step()
        role.step()
        assert store.stands == {0: 15, 1: 27}
        assert not role.consumer.is_waiting

    def test_a_place_that_is_none_any_more(self) -> None:
        """The same where it was one when the partition was assigned."""
        store = Store({0: 5, 1: 7})
        role = Role(store, events(0, 5, 10) + events(1, 7, 20))
        role.consumer._partitions.settle()
        store.unreadable = frozenset({1})
        role.step()
        assert store.stands == {0: 15, 1: 7}
        assert role.consumer.is_waiting
        assert role.consumer._partitions.committable() == {0: 15}


class TestDeaths:
    """A worker that dies by itself leaves its batch on the board; what the parent notes is met at the next start."""

    def test_the_event_that_ended_the_process_twice_is_refused(self) -> None:
        """Three deaths: of the batch, and twice of the event alone; the rest of the batch is counted."""
        poison = "v0-9"
        store = Store({0: 5})
        deaths = 0
        for _ in range(6):
            board = ExclusiveBoard()
            role = Role(store, events(0, store.stands[0] or 0, 15 - (store.stands[0] or 0)), board)
            entry = _run_until_death(role, board, poison)
            board.close()
            if entry is None:
                break
            deaths += 1
            found = counted_range(entry)
            assert found is not None
            store.deaths[0] = store.deaths.get(0, Suspects(-1, -2, 0)).after_death(found)
        assert deaths == 3
        assert role.bridge.refused == [(9, "crash-loop")]
        assert store.counted == [f"v0-{offset}" for offset in range(5, 15) if offset != 9]

    def test_suspects_are_dropped_once_they_are_counted(self) -> None:
        """Later batches are counted whole again, by this worker and by the next."""
        store = Store({0: 5}, deaths={0: Suspects(6, 8, 0)})
        role = Role(store, events(0, 5, 10))
        role.step()
        assert store.deaths == {}
        assert store.num_commits == 5  # one before them, three, and one behind
        role.client.log[0] += events(0, 15, 10)
        role.step()
        assert (store.num_commits, store.stands) == (6, {0: 25})

    def test_suspects_that_were_counted_by_somebody_else_are_none(self) -> None:
        """Noted of offsets before the place at which this worker begins."""
        store = Store({0: 9}, deaths={0: Suspects(5, 8, 0)})
        role = Role(store, events(0, 5, 10))
        role.step()
        assert (store.deaths, store.num_commits, store.stands) == ({}, 1, {0: 15})

    def test_the_board_is_empty_between_batches(self) -> None:
        """A death while it waits for Kafka, for Redis or for dead letters speaks of no event."""
        board = ExclusiveBoard()
        role = Role(Store({0: 5}), events(0, 5, 3), board)
        role.step()
        assert board.read() == []
        board.close()

    def test_a_range_names_its_offsets(self) -> None:
        """What is read by the parent process is what was written, and no entry of another kind."""
        board = ExclusiveBoard()
        with BatchBoard(board).counting(TOPIC, {3: events(3, 5, 4)}):
            (entry,) = board.read()
        assert counted_range(entry) == CountedRange(TOPIC, 3, 5, 8)
        assert counted_range("vs:attempts:topic:0:7") is None
        board.close()


class _Died(BaseException):
    """The process ends here."""


def _run_until_death(role: Role, board: ExclusiveBoard, poison: str) -> str | None:
    """One batch; return what stood on the board when the process died, None where it did not."""
    commit = role.store.commit
    noted: list[str] = []

    def deadly(transaction: Any, changes: Changes, found: Found) -> None:
        if poison in changes.records:
            noted.extend(board.read())
            raise _Died
        Store.commit(role.store, transaction, changes, found)

    role.store.commit = deadly  # type: ignore[method-assign]
    try:
        role.step()
    except _Died:
        return noted[0]
    finally:
        role.store.commit = commit  # type: ignore[method-assign]
    return None

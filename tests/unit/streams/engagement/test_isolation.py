"""One event that brings an unexpected error about, or ends the process, costs itself and nothing else of its batch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from structlog.testing import capture_logs

from operators.internal_errors import SharedStateFault
from schemas.codec import encode
from schemas.engagement import EngagementEvent
from schemas.facts import Failure
from streams.delivery.held_events import HeldEvents
from streams.engagement import consumer as consumers
from streams.engagement.batch_board import BatchBoard, CountedRange, Suspects, counted_range
from streams.engagement.consumer import EngagementConsumer, Parts
from streams.engagement.errors import Stopping
from streams.engagement.store import Changes, Found
from streams.engagement.summaries import ROLE
from streams.lifecycle.exclusive_board import ExclusiveBoard
from streams.observability import metrics
from tests.fakes import ManualClock

TOPIC = "video.engagement"
LIMIT = 3


@pytest.fixture(autouse=True)
def _silent_logs() -> Iterator[None]:
    """Keep structlog's default from drawing every traceback."""
    with capture_logs():
        yield


@dataclass(frozen=True)
class Message:
    """What the client hands over: an event of a video of its own."""

    at_partition: int
    at_offset: int

    def error(self) -> None:
        return None

    def topic(self) -> str:
        return TOPIC

    def partition(self) -> int:
        return self.at_partition

    def offset(self) -> int:
        return self.at_offset

    @property
    def video_id(self) -> str:
        return f"v{self.at_partition}-{self.at_offset}"

    def key(self) -> bytes:
        return self.video_id.encode()

    def value(self) -> bytes:
        return encode(EngagementEvent(event_id="e", video_id=self.video_id, kind="view", event_unix_seconds=1.7e9))

    def timestamp(self) -> tuple[int, int]:
        return 1, 1_700_000_000_000


@dataclass
class Store:
    """Where partitions stand, and which videos were counted."""

    stands: dict[int, int | None]
    poison: frozenset[str] = frozenset()
    fault: Callable[[], Exception] = lambda: ValueError("a bug")
    counted: list[str] = field(default_factory=list)
    deaths: dict[int, Suspects] = field(default_factory=dict)
    moves: dict[int, int] = field(default_factory=dict)
    """Partitions that somebody else counts on in, once something was counted here."""

    def positions(self, partitions: Sequence[int]) -> dict[int, int | None]:
        return {partition: self.stands[partition] for partition in partitions}

    def suspects(self, partitions: Sequence[int]) -> dict[int, Suspects]:
        return {partition: self.deaths[partition] for partition in partitions if partition in self.deaths}

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
        self.counted += changes.records
        self.stands.update(changes.positions)
        if self.counted:
            self.stands |= self.moves


@dataclass
class LoopBridge:
    """Keeps what was refused."""

    refused: list[tuple[int, str]] = field(default_factory=list)
    fault: Exception | None = None

    def refuse(self, refusals: Sequence[tuple[Message, Failure]]) -> None:
        if refusals and self.fault is not None:
            raise self.fault
        self.refused += [(message.offset(), failure.cause) for message, failure in refusals]

    def poll(self, partitions: Any) -> None:
        del partitions


@dataclass
class Client:
    """Hands over one batch; knows where the log begins."""

    batch: list[Message]
    sought: list[Any] = field(default_factory=list)

    def consume(self, number: int, timeout_seconds: float) -> list[Message]:
        del number, timeout_seconds
        batch, self.batch = self.batch, []
        return batch

    def assign(self, places: Any) -> None:
        del places

    def seek(self, place: Any) -> None:
        self.sought.append(place)


class Role:
    """A consumer, without a thread."""

    def __init__(self, store: Store, batch: list[Message], board: ExclusiveBoard | None = None) -> None:
        self.store, self.bridge, self.clock = store, LoopBridge(), ManualClock()
        self.held = HeldEvents(ROLE, self.clock, max_dead_letters=LIMIT, window_seconds=600.0)
        self.stopping = threading.Event()
        parts = Parts(store, self.bridge, self.bridge, self.clock, self.stopping, 60.0, self.held, BatchBoard(board))  # type: ignore[arg-type]
        self.consumer: Any = EngagementConsumer({}, TOPIC, parts, lambda: None, lambda: None)
        self.client = self.consumer._consumer = Client(batch)
        self.consumer._positions = dict(store.stands)
        self.consumer._suspects = store.suspects(list(store.stands))

    def step(self) -> None:
        self.consumer._step()


def messages(partition: int, first: int, number: int) -> list[Message]:
    return [Message(partition, first + step) for step in range(number)]


def errors() -> float:
    return float(metrics.INTERNAL_ERRORS.labels(ROLE, "record")._value.get())


class TestPoisonEvents:
    def test_only_the_poison_is_refused(self) -> None:
        """Everything beside it is counted, in the same step, and each partition stands behind its last record."""
        batch = messages(0, 5, 20) + messages(1, 7, 20)
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

        def read(message: Message, now_unix_seconds: float) -> Any:
            if message.at_offset == 6:
                raise ZeroDivisionError
            return parse_event(message, now_unix_seconds)

        parse_event = consumers.parse_event
        monkeypatch.setattr(consumers, "parse_event", read)
        role = Role(Store({0: 5}), messages(0, 5, 4))
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
        role = Role(store, messages(0, 5, 1))
        role.step()
        assert (role.store.counted, role.bridge.refused) == (["v0-5"], [])

    def test_what_all_events_share_ends_the_role(self) -> None:
        """No event is blamed for the store or for the order of offsets."""
        store = Store({0: 5}, frozenset({"v0-5"}), fault=lambda: SharedStateFault("offsets"))
        role = Role(store, messages(0, 5, 4))
        with pytest.raises(SharedStateFault):
            role.step()
        assert role.bridge.refused == []

    def test_a_refusal_that_fails_ends_the_role(self) -> None:
        """Dead letters are shared: an event must not vanish without one."""
        role = Role(Store({0: 5}, frozenset({"v0-5"})), messages(0, 5, 1))
        role.bridge.fault = RuntimeError("no dead letters")
        with pytest.raises(RuntimeError):
            role.step()
        assert role.store.stands == {0: 5}

    def test_a_partition_that_moved_on_within_the_parts_is_left_alone(self) -> None:
        """Its later parts would skip what lies between, or count twice."""
        store = Store({0: 5}, frozenset({"v0-12"}), moves={0: 100})
        role = Role(store, messages(0, 5, 8))
        role.step()
        assert [place.offset for place in role.client.sought] == [100]
        assert set(role.store.counted) < {f"v0-{offset}" for offset in range(5, 12)}
        assert role.consumer._positions == {0: 100}


class TestLimit:
    def test_the_role_waits_at_the_limit_and_goes_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A bug over every event writes no more dead letters than the limit, and loses none once it is mended."""
        batch = messages(0, 5, 10)
        store = Store({0: 5}, frozenset(message.video_id for message in batch))
        role = Role(store, batch)
        states = []

        def wait(seconds: float | None = None) -> bool:
            states.append(role.held.is_paused)
            assert seconds
            if len(states) == 5:
                store.poison = frozenset()
            return False

        monkeypatch.setattr(role.stopping, "wait", wait)
        role.step()
        assert role.bridge.refused == [(5, "internal-error"), (6, "internal-error"), (7, "internal-error")]
        assert store.counted == [f"v0-{offset}" for offset in range(8, 15)]
        assert states == [True] * 5
        assert not role.held.is_paused

    def test_a_stop_ends_the_wait(self) -> None:
        """The batch comes again, and nothing of it is given up."""
        batch = messages(0, 5, 10)
        role = Role(Store({0: 5}, frozenset(message.video_id for message in batch)), batch)
        role.stopping.set()
        with pytest.raises(Stopping):
            role.step()
        assert len(role.bridge.refused) == LIMIT
        assert role.store.stands == {0: 8}


class TestDeaths:
    """A worker that dies by itself leaves its batch on the board; what the parent notes is met at the next start."""

    def test_the_event_that_ended_the_process_twice_is_refused(self) -> None:
        """Three deaths: of the batch, and twice of the event alone; the rest of the batch is counted."""
        poison = "v0-9"
        store = Store({0: 5})
        deaths = 0
        for _ in range(6):
            board = ExclusiveBoard()
            role = Role(store, messages(0, store.stands[0] or 0, 15 - (store.stands[0] or 0)), board)
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

    def test_the_board_is_empty_between_batches(self) -> None:
        """A death while it waits for Kafka, for Redis or for dead letters speaks of no event."""
        board = ExclusiveBoard()
        role = Role(Store({0: 5}), messages(0, 5, 3), board)
        role.step()
        assert board.read() == []
        board.close()

    def test_a_range_names_its_offsets(self) -> None:
        """What is read by the parent process is what was written, and no entry of another kind."""
        board = ExclusiveBoard()
        with BatchBoard(board).counting(TOPIC, {3: messages(3, 5, 4)}):
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

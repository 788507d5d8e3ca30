"""A mode is measured once per machine, within the card's tolerance, in bounded time, and remembered."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from models.card import Card, Precision
from models.tolerance import Tolerance
from operators.inference import mode_chooser
from operators.inference.backend import DeviceResult
from operators.inference.compute_mode import MODES, ComputeMode, Engine
from operators.inference.mode_chooser import LIMIT_SECONDS, MAX_SHORT_STARTS, ModeChooser, ModeQuestion
from operators.inference.mode_trials import NUM_ROUNDS, try_modes
from operators.inference.private_cache import PrivateCache
from operators.inference.reference_inputs import ReferenceInputs
from tests.unit.operators.inference.fakes import number_card

PLAIN, REDUCED, OTHER, _ = MODES
CARD = replace(
    number_card("tiny", (1, 2)), outputs=("doubled",), tolerances=(Tolerance(max_difference=0.5),), lengths=(1, 3),
    input_shape=(3,),
)  # fmt: skip


@dataclass
class ManualClock:
    """Stands still unless a model runs."""

    now_seconds: float = 100.0

    def __call__(self) -> float:
        return self.now_seconds


@dataclass
class Machine:
    """Says what each mode takes and answers; counts the models that were opened and closed."""

    seconds: dict[ComputeMode, float] = field(default_factory=lambda: {PLAIN: 4.0, REDUCED: 1.0, OTHER: 2.0})
    errors: dict[ComputeMode, float] = field(default_factory=dict)
    """By how much a mode's answers are wrong."""
    broken: dict[ComputeMode, Exception] = field(default_factory=dict)
    clock: ManualClock = field(default_factory=ManualClock)
    clock_seconds: float = 0.0
    """What each run takes on the clock."""
    opened: list[ComputeMode] = field(default_factory=list)
    runs: list[ComputeMode] = field(default_factory=list)
    num_open: int = 0
    on_open: Callable[[], object] = lambda: None

    def open(self, mode: ComputeMode) -> Model:
        self.on_open()
        if mode in self.broken:
            raise self.broken[mode]
        self.opened.append(mode)
        self.num_open += 1
        return Model(self, mode)


@dataclass
class Model:
    machine: Machine
    mode: ComputeMode

    @property
    def precision(self) -> Precision:
        return self.mode.precision

    @property
    def engine(self) -> Engine:
        return self.mode.engine

    def compile(self) -> None:
        """Nothing to compile."""

    def warm_up(self) -> dict[int, float]:
        return {1: 0.1, 2: 0.1}

    def run(self, batch: np.ndarray) -> DeviceResult:
        self.machine.runs.append(self.mode)
        self.machine.clock.now_seconds += self.machine.clock_seconds
        doubled = 2.0 * batch.sum(axis=1) + self.machine.errors.get(self.mode, 0.0)
        return DeviceResult((doubled.astype(np.float32),), self.machine.seconds[self.mode] * len(batch))

    def close(self) -> None:
        self.machine.num_open -= 1


class WatchedCache(PrivateCache):
    """Of a second process, which is started while the first one measures."""

    answer: Future[ComputeMode | None] | None = None

    def __init__(self, folder: Path, max_bytes: int) -> None:
        super().__init__(folder, max_bytes)
        self._has_read = threading.Event()

    def read(self, name: str) -> bytes | None:
        content = super().read(name)
        self._has_read.set()
        return content

    def asked_by(self, pool: ThreadPoolExecutor, machine: Machine) -> None:
        """Start the second process; return when it knows that nothing is stored."""
        if self.answer is None:
            self.answer = pool.submit(chosen, self, machine)
            assert self._has_read.wait(60)


class Inputs(ReferenceInputs):
    """Of two lengths."""

    def of(self, card: Card) -> Sequence[np.ndarray]:
        return [np.arange(length, dtype=np.int64) for length in (1, 3, 3, 1, 3)]


def question(machine: Machine, card: Card = CARD, modes: tuple[ComputeMode, ...] = MODES[:3]) -> ModeQuestion:
    return ModeQuestion(card, modes, num_threads=1, open_model=machine.open)


@pytest.fixture
def files(tmp_path: Path) -> PrivateCache:
    return PrivateCache(tmp_path / "compiled", 2**20)


def chooser(files: PrivateCache, machine: Machine) -> ModeChooser:
    return ModeChooser(files, Inputs(Path("nowhere")), machine.clock)


def chosen(files: PrivateCache, machine: Machine, **changes: object) -> ComputeMode | None:
    """Ask as a process does at its start."""
    return chooser(files, machine).choose(replace(question(machine), **changes))  # type: ignore[arg-type]


class TestTrials:
    def test_takes_the_fastest_within_tolerance(self, files: PrivateCache) -> None:
        """Every model that was opened for it is closed."""
        machine = Machine()
        assert chosen(files, machine) == REDUCED
        assert machine.num_open == 0

    def test_refuses_what_the_card_does_not_tolerate(
        self, files: PrivateCache, caplog: pytest.LogCaptureFixture
    ) -> None:
        """However fast it is, and the log says by how much."""
        caplog.set_level(logging.INFO)
        assert chosen(files, Machine(errors={REDUCED: 0.6})) == OTHER
        assert "torch-bfloat16 not within the tolerance: output doubled: largest difference 0.6" in caplog.text

    def test_an_engine_that_fails_is_left_out(self, files: PrivateCache) -> None:
        """Another mode runs the model."""
        assert chosen(files, Machine(broken={REDUCED: RuntimeError("no such kernel")})) == OTHER

    def test_a_model_that_fails_in_full_precision_fails(self, files: PrivateCache) -> None:
        """Nothing could be compared with it."""
        machine = Machine(broken={PLAIN: RuntimeError("broken")})
        with pytest.raises(RuntimeError, match="broken"):
            chosen(files, machine)
        assert machine.num_open == 0

    def test_modes_take_turns(self) -> None:
        """So that a machine whose speed changes meanwhile slows all of them."""
        machine = Machine()
        try_modes(CARD, Inputs(Path()).of(CARD), MODES[:2], machine.open, machine.clock, 1.0)
        timed = machine.runs[-NUM_ROUNDS * 2 * 4 :]
        assert [mode for place, mode in enumerate(timed) if place % 4 == 0] == [REDUCED, PLAIN, PLAIN, REDUCED] * 3

    def test_the_reference_is_not_chosen_if_it_may_not(self, files: PrivateCache) -> None:
        """A setting may demand bfloat16; float32 is then computed only to compare with."""
        machine = Machine(seconds={PLAIN: 1.0, REDUCED: 4.0, OTHER: 9.0})
        assert chosen(files, machine, modes=(REDUCED,)) == REDUCED

    def test_time_is_bounded(self, files: PrivateCache, caplog: pytest.LogCaptureFixture) -> None:
        """A machine that is too slow ends early, and what was tried decides for good: fingerprints do not flip."""
        caplog.set_level(logging.INFO)
        machine = Machine(clock_seconds=LIMIT_SECONDS)
        assert chosen(files, machine) == PLAIN
        assert machine.opened == [PLAIN]
        assert "torch-bfloat16 not tried: no time left" in caplog.text
        assert chosen(files, again := Machine()) == PLAIN
        assert again.opened == []

    def test_every_model_has_its_own_time(self, files: PrivateCache) -> None:
        """So that one start measures all of them: a later one would change the fingerprints."""
        machine = Machine()
        asked = chooser(files, machine)
        machine.clock_seconds = LIMIT_SECONDS
        asked.choose(question(machine))
        machine.clock_seconds, machine.opened = 0.0, []
        assert asked.choose(question(machine, replace(CARD, name="other"))) == REDUCED

    def test_one_mode_is_tried_in_any_case(self, files: PrivateCache) -> None:
        """Where the reference is not among those that may be chosen."""
        assert chosen(files, Machine(clock_seconds=LIMIT_SECONDS), modes=(REDUCED, OTHER)) == REDUCED

    def test_nothing_is_chosen_from_modes_that_all_fail(
        self, files: PrivateCache, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A setting may demand a precision that leaves the tolerance; the worker starts as without a measurement."""
        caplog.set_level(logging.INFO)
        machine = Machine(errors={REDUCED: 0.6}, broken={OTHER: RuntimeError("no such kernel")})
        assert chosen(files, machine, modes=(REDUCED, OTHER)) is None
        assert "model tiny has no mode within the tolerance: torch-bfloat16 not within" in caplog.text


class TestStored:
    def test_a_second_start_measures_nothing(self, files: PrivateCache) -> None:
        """It reads the choice."""
        chosen(files, Machine())
        machine = Machine(seconds={PLAIN: 1.0, REDUCED: 9.0, OTHER: 9.0})
        assert chosen(files, machine) == REDUCED
        assert machine.opened == []

    def test_a_process_keeps_its_mode(self, files: PrivateCache) -> None:
        """A model that is loaded again computes as the fingerprint says, whatever another process has stored since."""
        machine = Machine()
        asked = ModeChooser(files, Inputs(Path("nowhere")), machine.clock)
        assert asked.choose(question(machine)) == REDUCED
        files.forget(question(machine).entry_name)
        machine.seconds = {PLAIN: 1.0, REDUCED: 9.0, OTHER: 9.0}
        assert asked.choose(question(machine)) == REDUCED

    def test_a_process_without_inputs_keeps_to_none(self, files: PrivateCache, tmp_path: Path) -> None:
        """Also once another process has measured."""
        asked = ModeChooser(files, ReferenceInputs(tmp_path / "inputs.npz"), ManualClock())
        assert asked.choose(question(Machine())) is None
        assert chosen(files, Machine()) == REDUCED
        assert asked.choose(question(Machine())) is None

    def test_one_process_measures_and_others_wait(self, files: PrivateCache) -> None:
        """Two that measured at once could choose differently, and would disturb each other."""
        second = Machine(seconds={PLAIN: 1.0, REDUCED: 9.0, OTHER: 9.0})
        watched = WatchedCache(files.folder, 2**20)
        with ThreadPoolExecutor(1) as pool:
            first = Machine()
            first.on_open = lambda: watched.asked_by(pool, second)
            assert chosen(files, first) == REDUCED
            assert watched.answer is not None
            assert watched.answer.result() == REDUCED
        assert second.opened == []

    def test_what_cannot_be_stored_is_not_measured(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """Every start would measure, and choose again."""
        caplog.set_level(logging.INFO)
        machine = Machine()
        assert chosen(PrivateCache(tmp_path / "compiled", 0), machine) is None
        assert machine.opened == []
        assert "model tiny is not measured: the result cannot be stored: it may have 0 bytes" in caplog.text

    def test_says_that_it_measures(self, files: PrivateCache, caplog: pytest.LogCaptureFixture) -> None:
        """A first start takes longer; the log says why and how long at most. The second is silent."""
        caplog.set_level(logging.INFO)
        chosen(files, Machine())
        assert (
            f"measuring model tiny once on this machine, for at most about {LIMIT_SECONDS:g} CPU seconds" in caplog.text
        )
        assert "model tiny runs in torch-bfloat16" in caplog.text
        caplog.clear()
        chosen(files, Machine())
        assert caplog.text == ""

    @pytest.mark.parametrize("content", [b"", b"{", b'{"mode": {"engine": "torch", "precision": "int3"}, "facts": ""}'])
    def test_a_damaged_choice_is_measured_again(self, files: PrivateCache, content: bytes) -> None:
        """And stored again."""
        chosen(files, Machine())
        files.write(question(Machine()).entry_name, content)
        machine = Machine()
        assert chosen(files, machine) == REDUCED
        assert machine.opened != []
        assert chosen(files, again := Machine()) == REDUCED
        assert again.opened == []

    def test_other_code_is_measured_but_keeps_the_mode(
        self, files: PrivateCache, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A release measures again; the mode changes only for a clear advantage."""
        chosen(files, Machine())
        monkeypatch.setattr(mode_chooser, "code_digest", lambda: "other")
        machine = Machine(seconds={PLAIN: 1.0, REDUCED: 1.1, OTHER: 2.0})
        assert chosen(files, machine) == REDUCED
        assert machine.opened != []
        monkeypatch.setattr(mode_chooser, "code_digest", lambda: "newest")
        assert chosen(files, Machine(seconds={PLAIN: 1.0, REDUCED: 1.2, OTHER: 2.0})) == PLAIN

    @pytest.mark.parametrize("function", ["code_digest", "openvino_version"])
    def test_code_and_libraries_count(
        self, files: PrivateCache, monkeypatch: pytest.MonkeyPatch, function: str
    ) -> None:
        """A choice of another release says nothing about this one."""
        chosen(files, Machine())
        monkeypatch.setattr(mode_chooser, function, lambda: "other")
        machine = Machine()
        chosen(files, machine)
        assert machine.opened != []

    @pytest.mark.parametrize(
        "changes",
        [
            {"num_threads": 2},
            {"modes": MODES},
            {"card": replace(CARD, version="2")},
        ],
    )
    def test_threads_modes_and_weights_count(self, files: PrivateCache, changes: dict[str, object]) -> None:
        """Each has a choice of its own."""
        chosen(files, Machine())
        machine = Machine(seconds=dict.fromkeys(MODES, 1.0))
        chosen(files, machine, **changes)
        assert machine.opened != []

    def test_another_processor_has_its_own(self, files: PrivateCache, monkeypatch: pytest.MonkeyPatch) -> None:
        """A cache may lie on a disk that several machines share."""
        chosen(files, Machine())
        monkeypatch.setattr(mode_chooser, "cpu_facts", lambda: ["model name: other"])
        assert chosen(files, Machine(seconds={PLAIN: 1.0, REDUCED: 1.1, OTHER: 2.0})) == PLAIN
        monkeypatch.undo()
        assert chosen(files, Machine(seconds=dict.fromkeys(MODES, 1.0))) == REDUCED

    def test_two_releases_on_one_machine_keep_their_own(
        self, files: PrivateCache, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Workers of both start in turns during a rolling upgrade; neither makes the other measure again."""
        chosen(files, Machine())
        monkeypatch.setattr(mode_chooser, "code_digest", lambda: "newer")
        chosen(files, Machine(seconds={PLAIN: 1.0, REDUCED: 9.0, OTHER: 9.0}))
        monkeypatch.undo()
        older = Machine()
        assert chosen(files, older) == REDUCED
        monkeypatch.setattr(mode_chooser, "code_digest", lambda: "newer")
        newer = Machine()
        assert chosen(files, newer) == PLAIN
        assert older.opened == newer.opened == []

    def test_few_releases_are_kept(self, files: PrivateCache, monkeypatch: pytest.MonkeyPatch) -> None:
        """The entry does not grow with every upgrade; the oldest choice goes."""
        for number in range(mode_chooser.MAX_OTHERS + 3):
            monkeypatch.setattr(mode_chooser, "code_digest", lambda number=number: str(number))
            chosen(files, Machine())
        assert (stored := chooser(files, Machine()).stored(question(Machine()))) is not None
        assert len(stored.others) == mode_chooser.MAX_OTHERS

    def test_nothing_is_measured_where_it_may_not(self, files: PrivateCache, caplog: pytest.LogCaptureFixture) -> None:
        """A pod starts at once, in a mode that was measured before if there is one; the log says why it does not
        measure."""
        caplog.set_level(logging.INFO)
        machine = Machine()
        quiet = ModeChooser(files, Inputs(Path("nowhere")), machine.clock, may_measure=False)
        assert quiet.choose(question(machine)) is None
        assert machine.opened == []
        assert "model tiny is not measured at a start: VIDSIGNAL_MEASURE_AT_START is false" in caplog.text
        chosen(files, Machine())
        after = ModeChooser(files, Inputs(Path("nowhere")), machine.clock, may_measure=False)
        assert after.choose(question(machine)) == REDUCED
        assert machine.opened == []


NO_ROOM = (
    MemoryError(),
    OSError(28, "No space left on device"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("Exception from src/core.cpp: std::bad_alloc"),
)


class TestPassingFailures:
    @pytest.mark.parametrize("error", NO_ROOM, ids=repr)
    def test_a_lack_of_memory_is_tried_again(self, files: PrivateCache, error: Exception) -> None:
        """At the next start, where memory may be free; until then another mode runs the model."""
        assert chosen(files, Machine(broken={REDUCED: error})) == OTHER
        machine = Machine()
        assert chosen(files, machine) == REDUCED
        assert machine.opened != []
        assert chosen(files, later := Machine()) == REDUCED
        assert later.opened == []

    def test_a_mode_that_returns_needs_an_advantage(self, files: PrivateCache) -> None:
        """Otherwise fingerprints would change because memory was short once."""
        chosen(files, Machine(broken={REDUCED: MemoryError()}))
        machine = Machine(seconds={PLAIN: 4.0, REDUCED: 1.9, OTHER: 2.0})
        assert chosen(files, machine) == OTHER

    def test_a_small_machine_stops_trying(self, files: PrivateCache) -> None:
        """After some starts the choice stands, so that not every start measures."""
        for _ in range(MAX_SHORT_STARTS):
            machine = Machine(broken={REDUCED: MemoryError()})
            assert chosen(files, machine) == OTHER
            assert machine.opened != []
        assert chosen(files, last := Machine()) == OTHER
        assert last.opened == []

    def test_another_failure_is_final(self, files: PrivateCache) -> None:
        """A mode that cannot compute the model will not at the next start."""
        chosen(files, Machine(broken={REDUCED: RuntimeError("no such kernel")}))
        machine = Machine()
        assert chosen(files, machine) == OTHER
        assert machine.opened == []


class TestWithoutInputs:
    def test_nothing_is_chosen(self, files: PrivateCache, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """Tolerance cannot be judged without real inputs; the log says where they are missing."""
        caplog.set_level(logging.INFO)
        machine = Machine()
        inputs = ReferenceInputs(tmp_path / "inputs.npz")
        assert ModeChooser(files, inputs, machine.clock).choose(question(machine)) is None
        assert f"model tiny is not measured: no inputs for it in {tmp_path / 'inputs.npz'}" in caplog.text

    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"\x93NUMPY"])
    def test_a_damaged_file_has_none(self, tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
        """Said in the log."""
        caplog.set_level(logging.WARNING)
        path = tmp_path / "inputs.npz"
        path.write_bytes(content)
        assert ReferenceInputs(path).of(CARD) == ()
        assert "cannot read the inputs" in caplog.text

    def test_inputs_of_another_shape_are_none(self, tmp_path: Path) -> None:
        """They are of another release of the model."""
        path = tmp_path / "inputs.npz"
        np.savez(path, tiny=np.zeros((4, 2), dtype=np.int64))
        assert ReferenceInputs(path).of(CARD) == ()

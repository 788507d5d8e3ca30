"""The Neuron backend over a stand-in of its runtime: what it admits, where it runs, and each way to fail."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from models.card import Card
from operators.errors import DeviceFault, DeviceFull, DeviceLost, ModelFault
from operators.inference.backend import BackendConfig, RunsOnHost
from operators.inference.backend_registry import open_backend
from operators.inference.backends.neuron import NeuronBackend
from operators.inference.inference import Inference
from operators.inference.loaded_model import LoadedModel
from operators.inference.neuron.artefacts import ArtefactStore
from operators.inference.placement import host_opener
from operators.inference.request_context import ModelOutput
from tests.support.neuron_machine import NeuronMachine, neuron_machine
from tests.support.neuron_programs import compile_here, empty_store, store_of
from tests.unit.operators.inference.fakes import context
from tests.unit.operators.inference.neuron import tiny

HOLD = (
    "import fcntl,os,sys; f=open(sys.argv[1],'w'); fcntl.flock(f,fcntl.LOCK_EX); print('held',flush=True); os.read(0,1)"
)


def not_built(_card: Card | None = None) -> nn.Module:
    raise AssertionError("a worker builds no module")


def backend_on(store: ArtefactStore | None, refused: Counter[str] | None = None) -> NeuronBackend:
    counted = Counter[str]() if refused is None else refused
    return NeuronBackend(
        BackendConfig(artefacts=store, on_refused_bucket=lambda model, device: counted.update([f"{model} {device}"]))
    )


def loaded(store: ArtefactStore | None, card: Card | None = None) -> LoadedModel:
    return backend_on(store).load(card or tiny.card(), not_built)


async def opened(store: ArtefactStore, *cards: Card, build: Any = not_built) -> Inference:
    config = BackendConfig(artefacts=store)
    host = host_opener("neuron", config, open_backend)
    return await Inference.open(cards, build, NeuronBackend(config), open_host=host)


async def outcomes(inference: Inference, model: str, items: Sequence[np.ndarray]) -> list[ModelOutput | BaseException]:
    """What became of each item; all of them are submitted at once."""
    batcher = inference.batcher(model)
    answers = await asyncio.gather(*(batcher.submit(item, context()) for item in items), return_exceptions=True)
    await inference.close()
    return list(answers)


@pytest.fixture
def store(machine: NeuronMachine, tmp_path: Path) -> ArtefactStore:
    """The tiny model, compiled."""
    return store_of(tmp_path, tiny.card(), tiny.logarithms, tiny.numbers())


class TestAdmission:
    def test_runs_what_was_compiled(self, store: ArtefactStore) -> None:
        """Every size, in the faster precision that the card permits, without a module."""
        model = loaded(store)
        assert tuple(sorted(model.warm_up())) == (1, 2, 4)
        assert (model.engine, model.precision) == ("neuron", "bfloat16")

    def test_not_compiled(self, machine: NeuronMachine, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """The model runs on the processor; log and metric report it, and what to do."""
        refused = Counter[str]()
        with caplog.at_level(logging.WARNING), pytest.raises(RunsOnHost, match="run vidsignal models compile"):
            backend_on(empty_store(tmp_path), refused).load(tiny.card(), not_built)
        assert refused == {"tiny neuron": 3}
        assert "model tiny does not run in bucket 2x4-bfloat16 of neuron: not compiled" in caplog.text

    def test_a_silently_wrong_bucket(self, machine: NeuronMachine, tmp_path: Path) -> None:
        """A program that answers wrongly at one size of a batch is not used; the smaller sizes are."""
        with machine.planned(wrong_batch=4):
            store = store_of(tmp_path, tiny.card(), tiny.logarithms, tiny.numbers())
        refused = Counter[str]()
        model = backend_on(store, refused).load(tiny.card(), not_built)
        assert (tuple(sorted(model.warm_up())), refused) == ((1, 2), {"tiny neuron": 1})
        with pytest.raises(DeviceFault, match="no program"):
            model.run(np.ones((4, 4), np.float32))

    def test_wrong_at_every_size(self, machine: NeuronMachine, tmp_path: Path) -> None:
        """Then the model runs on the processor."""
        card = tiny.card(batch_sizes=(4,))
        with machine.planned(wrong_batch=4):
            store = store_of(tmp_path, card, tiny.logarithms, tiny.numbers())
        with pytest.raises(RunsOnHost, match="largest difference"):
            loaded(store, card)

    def test_a_size_needs_all_lengths(self, machine: NeuronMachine, tmp_path: Path) -> None:
        """A batch size that lacks the program for one length of items is not used: any length may come."""
        card = tiny.words_card()
        store = store_of(tmp_path, card, tiny.words, tiny.texts())
        (path,) = store.files.folder.glob("inf2-words-2x8-*")
        path.unlink()
        assert tuple(sorted(loaded(store, card).warm_up())) == (1, 4)

    def test_padding_is_part_of_the_trial(self, machine: NeuronMachine, tmp_path: Path) -> None:
        """A program that fails next to rows of zeros would fail in use, however well it answers full batches."""
        model = loaded(store_of(tmp_path, tiny.card(), tiny.Shares, tiny.numbers()))
        assert tuple(sorted(model.warm_up())) == (1,)

    def test_damaged_program(self, store: ArtefactStore) -> None:
        """A file that was changed counts as missing."""
        for path in store.files.folder.glob("inf2-tiny-1x4-*"):
            path.write_bytes(path.read_bytes()[:-1] + b"x")
        assert tuple(sorted(loaded(store).warm_up())) == (2, 4)

    def test_no_memory(self, store: ArtefactStore, machine: NeuronMachine) -> None:
        """Programs that do not fit on the core are left out, the larger batches first."""
        one = loaded(store)
        needed = machine.runtime.cores[0].used_bytes
        one.close()
        del one
        assert machine.runtime.cores[0].used_bytes == 0
        with machine.planned(core_bytes=needed * 2 // 3):
            assert tuple(sorted(loaded(store).warm_up())) == (1, 2)

    @pytest.mark.parametrize("status", [4, 9, 11])
    def test_no_program_fits(self, store: ArtefactStore, machine: NeuronMachine, status: int) -> None:
        """Memory of the device, cores, memory of the host: the model runs on the processor, and the status is named."""
        with machine.planned(load_status=status), pytest.raises(RunsOnHost, match=f"no memory: .*status={status}"):
            loaded(store)


class TestStart:
    def test_cores_of_another_process(self, store: ArtefactStore, machine: NeuronMachine) -> None:
        """They are not shared: the start ends, until the other process is dead, which kill -9 suffices for."""
        lock = machine.driver / "core-0.lock"
        with subprocess.Popen(
            [sys.executable, "-c", HOLD, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as other:
            assert other.stdout is not None and other.stdout.readline() == b"held\n"
            with pytest.raises(DeviceFault, match="could not be initialized"):
                loaded(store)
            os.kill(other.pid, signal.SIGKILL)
            other.wait()
        assert loaded(store).warm_up()

    def test_no_driver(self, store: ArtefactStore, monkeypatch: pytest.MonkeyPatch) -> None:
        """A machine without the device ends the start, with the runtime's words."""
        monkeypatch.delenv("NEURON_STANDIN_DRIVER")
        with pytest.raises(DeviceFault, match=r"Driver version[\s\S]*cannot determine the number of available"):
            loaded(store)

    @pytest.mark.parametrize(
        ("environment", "num_submitters"),
        [
            ({"NEURON_RT_VISIBLE_CORES": "0-1"}, 4),
            ({"NEURON_RT_VISIBLE_CORES": "3"}, 2),
            ({"NEURON_RT_VISIBLE_CORES": "0,4-5", "NEURON_RT_NUM_CORES": "1"}, 6),
            ({"NEURON_RT_NUM_CORES": "2"}, 4),
        ],
    )
    def test_two_threads_a_core(
        self, environment: dict[str, str], num_submitters: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By the variables of the runtime, of which the list of cores wins."""
        monkeypatch.delenv("NEURON_RT_VISIBLE_CORES", raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        assert backend_on(None).num_submitters == num_submitters

    @pytest.mark.parametrize("cores", [None, "two", "1-0"])
    def test_cores_must_be_named(self, cores: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
        """Otherwise a worker would take all cores of the machine, and the next one would not start."""
        monkeypatch.delenv("NEURON_RT_VISIBLE_CORES", raising=False)
        monkeypatch.delenv("NEURON_RT_NUM_CORES", raising=False)
        if cores is not None:
            monkeypatch.setenv("NEURON_RT_VISIBLE_CORES", cores)
        with pytest.raises(DeviceFault, match=r"NEURON_RT_VISIBLE_CORES and NEURON_RT_NUM_CORES.*allowed"):
            _ = backend_on(None).num_submitters

    def test_without_the_package(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The start ends and names what is missing."""
        monkeypatch.setenv("NEURON_RT_VISIBLE_CORES", "0")
        monkeypatch.setitem(sys.modules, "torch_neuronx", None)
        with pytest.raises(DeviceFault, match="package torch-neuronx cannot be imported"):
            loaded(empty_store(tmp_path))


class TestFailures:
    async def test_nan_fails_its_row_alone(self, store: ArtefactStore) -> None:
        """The runtime fails the whole batch; its halves are run again, and the other rows get their answers."""
        items = [*tiny.numbers(3), np.full(4, -2.0, np.float32)]
        found = await outcomes(await opened(store, tiny.card()), "tiny", items)
        assert [type(each) for each in found] == [ModelOutput] * 3 + [ModelFault]

    async def test_an_index_outside_of_the_table(self, machine: NeuronMachine, tmp_path: Path) -> None:
        """As above, in batches of several texts."""
        card = tiny.words_card()
        store = store_of(tmp_path, card, tiny.words, tiny.texts())
        items = [*(np.array([each, 2, 0, 0]) for each in range(1, 7)), np.array([3, 4000, 0, 0])]
        found = await outcomes(await opened(store, card), "words", items)
        assert [type(each) for each in found] == [ModelOutput] * 6 + [ModelFault]
        assert "1006" in str(found[-1])

    @pytest.mark.parametrize("status", [1002, 1003, 1006])
    async def test_a_batch_that_is_at_fault(self, store: ArtefactStore, machine: NeuronMachine, status: int) -> None:
        """By the status alone, the item fails and the device goes on."""
        inference = await opened(store, tiny.card())
        with machine.planned(execute_status=status):
            (first,) = await asyncio.gather(
                inference.batcher("tiny").submit(tiny.numbers()[0], context()), return_exceptions=True
            )
        (second,) = await outcomes(inference, "tiny", tiny.numbers(1))
        assert (type(first), type(second)) == (ModelFault, ModelOutput)

    @pytest.mark.parametrize("status", [6, 13, 14, 101, *range(1200, 1206)])
    async def test_a_lost_core(self, store: ArtefactStore, machine: NeuronMachine, status: int) -> None:
        """Hardware that is broken loses the device at once, without a new runner; its process must end."""
        inference = await opened(store, tiny.card())
        with machine.planned(execute_status=status):
            first, *_ = await asyncio.gather(
                inference.batcher("tiny").submit(tiny.numbers()[0], context()), return_exceptions=True
            )
        second = (await outcomes(inference, "tiny", tiny.numbers(1)))[0]  # nothing is planned any more
        assert (type(first), type(second)) == (DeviceLost, DeviceLost)

    @pytest.mark.parametrize("status", [1, 5, 1004, 1005])
    async def test_a_call_that_fails_and_fails_again(
        self, store: ArtefactStore, machine: NeuronMachine, status: int
    ) -> None:
        """A timeout, a busy core and other errors get a new runner; where that does not answer either, the device is
        lost."""
        inference = await opened(store, tiny.card())
        with machine.planned(execute_status=status):
            (found,) = await outcomes(inference, "tiny", tiny.numbers(1))
        assert type(found) is DeviceLost
        assert f"status={status}" in str(found)

    def test_no_room_now(self, store: ArtefactStore, machine: NeuronMachine) -> None:
        """A device that lacks memory for one call is not lost."""
        model = loaded(store)
        with machine.planned(execute_status=4), pytest.raises(DeviceFull):
            model.run(np.ones((1, 4), np.float32))
        assert model.run(np.ones((1, 4), np.float32)).device_seconds >= 0

    def test_a_fresh_runner_has_programs_of_its_own(self, store: ArtefactStore, machine: NeuronMachine) -> None:
        """After a fault of the device; after one of a batch the programs of the core are shared as before."""
        backend = backend_on(store)
        model = backend.load(tiny.card(), not_built)
        num_loads = machine.runtime.num_loads
        for status, num_new in ((1003, 0), (5, 3)):
            with machine.planned(execute_status=status), pytest.raises(DeviceFault):
                model.run(np.ones((1, 4), np.float32))
            other = backend.load(tiny.card(), not_built)
            assert machine.runtime.num_loads - num_loads == num_new
            other.close()


class TestPlacement:
    async def test_threads_and_cores(self, tmp_path: Path) -> None:
        """Two cores have a copy of each program, and the two threads of a core share it; both submit at once."""
        with neuron_machine(tmp_path, cores="0-1") as machine:
            store = store_of(tmp_path, tiny.card(), tiny.logarithms, tiny.numbers())
            inference = await opened(store, tiny.card())
            runtime = machine.runtime
            assert (runtime.num_loads, len({core for core, _ in runtime.programs.values()})) == (6, 2)
            both = threading.Event()
            computed = runtime._computed

            def waiting(program: Any, inputs: Any) -> Any:
                if max(core.most_in_flight for core in runtime.cores) >= 2:
                    both.set()
                both.wait(0.05)
                return computed(program, inputs)

            runtime._computed = waiting
            found = await outcomes(inference, "tiny", tiny.numbers(40))
        assert all(isinstance(each, ModelOutput) for each in found)
        assert both.is_set()

    async def test_two_devices_in_one_worker(self, store: ArtefactStore) -> None:
        """A recurrent model runs on the processor next to the device, and so does one that the device declines; each
        result names the engine that computed it, and only the device is occupied."""
        recurrent = replace(tiny.card("recurrent"), devices=("cpu",))
        cards = (tiny.card(), recurrent, tiny.card("declined"))
        inference = await opened(store, *cards, build=tiny.logarithms)
        (item,) = tiny.numbers(1)
        found = {each.name: await inference.batcher(each.name).submit(item, context()) for each in cards}
        await inference.close()

        assert {name: answer.mode for name, answer in found.items()} == {
            "tiny": "neuron-bfloat16",
            "recurrent": "torch-float32",
            "declined": "torch-float32",
        }
        assert [answer.device_seconds > 0 for answer in found.values()] == [True, False, False]
        for answer in found.values():
            np.testing.assert_allclose(found["recurrent"].values[0], answer.values[0], atol=0.02)


class TestCompiling:
    def test_nothing_is_compiled_twice(self, store: ArtefactStore) -> None:
        """What is in the store is left as it is, without building the module."""
        results = compile_here(store, tiny.card(), not_built, tiny.numbers())
        assert [(str(each.bucket), each.seconds, each.trouble) for each in results] == [
            ("1x4-bfloat16", 0.0, ""),
            ("2x4-bfloat16", 0.0, ""),
            ("4x4-bfloat16", 0.0, ""),
        ]

    @pytest.mark.parametrize(
        ("plan", "trouble"),
        [
            ({"compiler_exit": -9}, "neuronx-cc failed with -9"),
            *(
                ({"compiler_code": code}, code)
                for code in ("EVRF001", "EUOC002", "EVRF004", "EXTP004", "EOOM001", "EOOM002")
            ),
        ],
    )
    def test_the_compiler_fails(
        self, machine: NeuronMachine, tmp_path: Path, plan: dict[str, Any], trouble: str
    ) -> None:
        """Each bucket says why, and the next is tried."""
        with machine.planned(**plan):
            results = compile_here(empty_store(tmp_path), tiny.card(), tiny.logarithms, tiny.numbers())
        assert len(results) == 3
        assert all(trouble in result.trouble for result in results)

    def test_no_real_inputs(self, machine: NeuronMachine, tmp_path: Path) -> None:
        """Nothing is compiled that nobody could judge."""
        results = compile_here(empty_store(tmp_path), tiny.card(), not_built, [])
        assert {result.trouble for result in results} == {"there are no real inputs by which a worker could judge it"}

    def test_nowhere_to_store(self, machine: NeuronMachine, tmp_path: Path) -> None:
        """Said before the compiler has worked for an hour."""
        (tmp_path / "neuron").mkdir(mode=0o755)
        (tmp_path / "neuron").chmod(0o777)
        results = compile_here(empty_store(tmp_path), tiny.card(), not_built, tiny.numbers())
        assert all("nothing can be stored" in result.trouble for result in results)

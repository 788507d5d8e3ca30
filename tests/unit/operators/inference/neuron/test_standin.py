"""The stand-in keeps the rules of the device, so that what passes over it was tested against them."""

from __future__ import annotations

import fcntl
import importlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.support.neuron_machine import NeuronMachine, neuron_machine
from tests.unit.operators.inference.neuron import tiny

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
INF2 = "--target inf2 --auto-cast"


def traced(module: nn.Module, example: Tensor, auto_cast: str = "none", **options: Any) -> Any:
    """Compile for a device elsewhere, save, and load here."""
    package = importlib.import_module("torch_neuronx")
    archive = io.BytesIO()
    torch.jit.save(package.trace(module, example, compiler_args=f"{INF2} {auto_cast}", cpu_backend=True), archive)
    archive.seek(0)
    return torch.jit.load(archive)


class TestPrograms:
    @pytest.mark.parametrize(
        "batch", [torch.ones(1, 4), torch.ones(2, 5), torch.ones(2, 4, dtype=torch.bfloat16), torch.ones(2, 4).long()]
    )
    def test_take_one_shape_and_dtype(self, machine: NeuronMachine, batch: Tensor) -> None:
        """Those of the trace."""
        program = traced(tiny.logarithms(), torch.ones(2, 4))
        assert program(torch.ones(2, 4))[0].shape == (2, 3)
        with pytest.raises(RuntimeError, match="Incorrect tensor shape"):
            program(batch)

    def test_whole_numbers_are_narrow(self, machine: NeuronMachine) -> None:
        """64 bits are computed as 32."""

        class Plus(nn.Module):
            def forward(self, numbers: Tensor) -> tuple[Tensor, ...]:
                return (numbers.double() + 1,)

        program = traced(Plus(), torch.ones(1, 2, dtype=torch.int64))
        assert program(torch.tensor([[5, 2**32 + 5]]))[0].tolist() == [[6.0, 6.0]]

    def test_operands_of_products_are_rounded(self, machine: NeuronMachine) -> None:
        """With `matmult` to bfloat16, and summed in float32; with `none` nothing is."""
        module = tiny.logarithms()
        batch = torch.from_numpy(np.stack(tiny.numbers(2)))
        rounded = torch.log(batch + 1).bfloat16().float() @ module.layer.weight.bfloat16().float().T  # type: ignore[union-attr,operator]
        expected = rounded + module.layer.bias  # type: ignore[operator]
        torch.testing.assert_close(traced(module, batch, "matmult")(batch)[0], expected, rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(traced(module, batch)(batch)[0], module(batch)[0], rtol=1e-6, atol=1e-6)

    def test_a_row_of_nothing_but_padding(self, machine: NeuronMachine) -> None:
        """The lowest float32 is -inf in bfloat16: with `all` its softmax is not a number, and the batch fails."""
        empty = torch.zeros(1, 8, dtype=torch.int64)
        assert torch.isfinite(traced(tiny.words(), empty, "matmult")(empty)[0]).all()
        with pytest.raises(RuntimeError, match="status=1003"):
            traced(tiny.words(), empty, "all")(empty)

    def test_no_complex_numbers(self, machine: NeuronMachine) -> None:
        """The compiler refuses them."""

        class Spectrum(nn.Module):
            def forward(self, numbers: Tensor) -> tuple[Tensor, ...]:
                return (torch.fft.rfft(numbers).abs(),)

        with pytest.raises(RuntimeError, match="EVRF004"):
            traced(Spectrum(), torch.ones(1, 8))

    def test_each_load_takes_memory(self, machine: NeuronMachine) -> None:
        """Also a second one of the same program on a busy core; what is dropped is free again."""
        program = traced(tiny.logarithms(), torch.ones(1, 4))
        (core,) = machine.runtime.cores
        one_bytes = core.used_bytes
        archive = io.BytesIO()
        torch.jit.save(program, archive)
        archive.seek(0)
        again = torch.jit.load(archive)
        assert (core.used_bytes, machine.runtime.num_loads) == (2 * one_bytes, 2)
        del again
        assert core.used_bytes == one_bytes

    def test_archives_need_the_package(self, tmp_path: Path) -> None:
        """Without it torch does not know their operator."""
        with neuron_machine(tmp_path):
            package = importlib.import_module("torch_neuronx")
            archive = io.BytesIO()
            program = package.trace(tiny.logarithms(), torch.ones(1, 4), compiler_args=INF2 + " none", cpu_backend=True)
            torch.jit.save(program, archive)
        archive.seek(0)
        with pytest.raises(RuntimeError, match="Unknown builtin op: neuron::forward_v2"):
            torch.jit.load(archive)


class TestCores:
    def test_round_robin_without_a_context(self, tmp_path: Path) -> None:
        """Each load goes to the next core; within a context to that core, which must exist."""
        with neuron_machine(tmp_path, cores="0-1") as machine:
            package = importlib.import_module("torch_neuronx")
            programs = [traced(tiny.logarithms(), torch.ones(1, 4)) for _ in range(3)]
            with package.neuron_cores_context(start_nc=1, nc_count=1):
                programs.append(traced(tiny.logarithms(), torch.ones(1, 4)))
            cores = [machine.runtime.programs[each.neff.data_ptr()][0] for each in programs]
            assert [machine.runtime.cores.index(core) for core in cores] == [0, 1, 0, 1]
            with pytest.raises(ValueError, match="not among 2"), package.neuron_cores_context(start_nc=2, nc_count=1):
                pass

    def test_belong_to_another_process(self, machine: NeuronMachine, capfd: pytest.CaptureFixture[str]) -> None:
        """Its lock refuses this one, with the runtime's words and its log line; its end frees them."""
        with (machine.driver / "core-0.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with pytest.raises(RuntimeError, match="not be initialized"):
                machine.runtime.take_cores()
        assert "NeuronCore(s) not available - Requested:nc0-nc0 Available:0" in capfd.readouterr().err
        machine.runtime.take_cores()
        assert len(machine.runtime.cores) == 1

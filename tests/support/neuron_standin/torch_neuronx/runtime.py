"""Cores, what is loaded on them, and executions. Importing it makes `torch.jit.load` load programs, as the real one."""

from __future__ import annotations

import fcntl
import os
import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import torch
from torch import Tensor

from torch_neuronx.program import Program
from torch_neuronx.rules import DEADLY, NO_CORE_COUNT, NOT_INITIALIZED, driver_folder, plan, status_error


class Core:
    """One core of this process."""

    def __init__(self) -> None:
        self.used_bytes = 0
        self.most_in_flight = 0
        """Executions that were under way at once: one computes, the others wait on the core."""
        self._in_flight = 0
        self._count = threading.Lock()
        self._computes = threading.Lock()

    @contextmanager
    def execution(self) -> Iterator[None]:
        """One at a time."""
        with self._count:
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            with self._computes:
                yield
        finally:
            with self._count:
                self._in_flight -= 1


class Runtime:
    """The runtime of this process: its cores are taken at the first load, and given back by its end alone."""

    def __init__(self) -> None:
        self.cores: list[Core] = []
        self.programs: dict[int, tuple[Core, Program]] = {}
        """By the address of their bytes."""
        self.dead_status = 0
        self.num_loads = 0
        self._locks: list[int] = []
        self._next_core = 0
        self._placed: tuple[int, int] | None = None

    def take_cores(self) -> None:
        """Take what the environment says; all cores without it.

        Raises:
            RuntimeError: another process has them, or there is no driver.
        """
        if self.cores:
            return
        folder, wanted = driver_folder(), _wanted_cores(plan().num_cores)
        for number in wanted:
            lock = os.open(folder / f"core-{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                self._forget_locks()
                said = f"NeuronCore(s) not available - Requested:nc{wanted[0]}-nc{wanted[-1]} Available:0"
                sys.stderr.write(f"ERROR NRT:nrt_allocate_neuron_cores {said}\n")
                raise RuntimeError(NOT_INITIALIZED) from None
            self._locks.append(lock)
        self.cores = [Core() for _ in wanted]

    def _forget_locks(self) -> None:
        for lock in self._locks:
            os.close(lock)
        self._locks.clear()

    @contextmanager
    def placed(self, start: int, count: int) -> Iterator[None]:
        """Where loads go within."""
        self.take_cores()
        if count != 1 or not 0 <= start < len(self.cores):
            raise ValueError(f"start_nc={start}, nc_count={count} are not among {len(self.cores)} NeuronCores")
        if self._placed is not None:
            raise AssertionError("the context is not thread-safe, and is used by two threads")
        self._placed = (start, count)
        try:
            yield
        finally:
            self._placed = None

    def load(self, module: Any) -> None:
        """Put a program onto a core.

        Raises:
            RuntimeError: it does not fit.
        """
        self.take_cores()
        program = Program(module.neff)
        number = self._next_core % len(self.cores) if self._placed is None else self._placed[0]
        self._next_core += self._placed is None
        core = self.cores[number]
        if plan().load_status:
            raise status_error("nrt_load", plan().load_status)
        if core.used_bytes + program.head.device_bytes > plan().core_bytes:
            raise status_error("nrt_load", 4)
        core.used_bytes += program.head.device_bytes
        self.num_loads += 1
        address = module.neff.data_ptr()
        self.programs[address] = (core, program)
        weakref.finalize(module, self._unload, address)

    def _unload(self, address: int) -> None:
        core, program = self.programs.pop(address)
        core.used_bytes -= program.head.device_bytes

    def execute(self, inputs: list[Tensor], neff: Tensor) -> list[Tensor]:
        """Compute one batch.

        Raises:
            RuntimeError: with the status of the runtime.
        """
        if neff.data_ptr() not in self.programs:
            raise RuntimeError(NO_CORE_COUNT)
        core, program = self.programs[neff.data_ptr()]
        program.check(inputs)
        with core.execution():
            return self._computed(program, inputs)

    def _computed(self, program: Program, inputs: list[Tensor]) -> list[Tensor]:
        status = self.dead_status or plan().execute_status
        if status:
            self.dead_status = status if status in DEADLY else 0
            raise status_error("nrt_execute", status)
        try:
            answers = program.computed(inputs)
        except IndexError as error:
            raise status_error("nrt_execute", 1006) from error
        if any(bool(torch.isnan(each).any()) for each in (*answers, *inputs) if each.is_floating_point()):
            raise status_error("nrt_execute", 1003)
        return answers


def _wanted_cores(num_cores: int) -> list[int]:
    visible = os.environ.get("NEURON_RT_VISIBLE_CORES")
    if visible:
        first, _, last = visible.partition("-")
        return list(range(int(first), int(last or first) + 1))
    return list(range(int(os.environ.get("NEURON_RT_NUM_CORES", num_cores))))


RUNTIME: Final = Runtime()
_tracing: list[tuple[Tensor, ...]] = []
_library = torch.library.Library("neuron", "DEF")
_library.define("forward_v2(Tensor[] inputs, Tensor neff) -> Tensor[]")
_unpatched_load = torch.jit.load


def _forward(inputs: list[Tensor], neff: Tensor) -> list[Tensor]:
    if _tracing:
        return [each.clone() for each in _tracing[-1]]
    return RUNTIME.execute(inputs, neff)


_library.impl("forward_v2", _forward, "CPU")


@contextmanager
def tracing(answers: tuple[Tensor, ...]) -> Iterator[None]:
    """Executions within answer this, on no core."""
    _tracing.append(answers)
    try:
        yield
    finally:
        _tracing.pop()


@contextmanager
def neuron_cores_context(start_nc: int = -1, nc_count: int = -1) -> Iterator[None]:
    """Programs that are loaded within go to these cores. Not thread-safe."""
    with RUNTIME.placed(start_nc, nc_count):
        yield


def load_on_core(module: Any) -> None:
    """What a load of a program does in addition to reading it."""
    RUNTIME.load(module)


def _load(*args: Any, **kwargs: Any) -> Any:
    module = _unpatched_load(*args, **kwargs)
    if hasattr(module, "neff"):
        load_on_core(module)
    return module


torch.jit.load = _load

"""The Neuron backend: programs that were compiled before, loaded onto the cores of this process, judged, and run.

It uses `torch_neuronx.trace`, the only way onto an Inferentia2. The vendor's native backend of torch, for its newer
accelerators, would be another file here; it shares nothing with this one but `Backend`.
"""

from __future__ import annotations

import io
import logging
import os
import threading
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import torch

from models.card import Card, Precision
from operators.errors import DeviceFault, DeviceFull, ModelFault
from operators.inference.backend import BackendConfig, Build, DeviceResult, RunsOnHost
from operators.inference.compute_mode import Engine
from operators.inference.graph_cache import Shape
from operators.inference.neuron.admission import refusal
from operators.inference.neuron.artefacts import Artefact, Bucket, buckets_of, device_precision
from operators.inference.neuron.core_clock import CoreClock
from operators.inference.neuron.faults import runtime_faults
from operators.inference.neuron.toolchain import (
    NoToolchain,
    cores_context,
    has_device,
    num_visible_cores,
    torch_neuronx,
)
from operators.inference.precision_wrapper import time_batches, to_arrays

logger = logging.getLogger(__name__)

SUBMITTERS_A_CORE: Final = 2
"""Threads that submit to one core. The runtime has no queue of its own: with one thread, a core idles while inputs and
outputs are copied."""

TIMED_RUNS: Final = 2

Program = Callable[[torch.Tensor], "tuple[torch.Tensor, ...]"]


class NeuronBackend:
    """The cores that the environment gives to this process; they are its own until it ends.

    Each thread that loads models belongs to one core: the first two threads to the first core, and so on. Threads of
    one core share its programs.
    """

    name = "neuron"

    def __init__(self, config: BackendConfig) -> None:
        self._config = config
        self._lock = threading.Lock()
        """Programs are loaded by one thread at a time: the placement of the runtime is not thread-safe."""
        self._cores_by_thread: dict[int, int] = {}
        self._clocks: dict[int, CoreClock] = {}
        self._shared: dict[tuple[str, int], CoreModel] = {}

    @staticmethod
    def is_available() -> bool:
        """Return whether this machine has such a device and its package."""
        return has_device()

    @property
    def num_submitters(self) -> int:
        """See `Backend.num_submitters`.

        Raises:
            DeviceFault: the environment does not say which cores this process has.
        """
        return SUBMITTERS_A_CORE * self._num_cores()

    def load(self, card: Card, build: Build) -> NeuronModel:  # noqa: ARG002 - it was built when it was compiled
        """See `Backend.load`: nothing is built or compiled. Raises `RunsOnHost` if no bucket is admitted."""
        with self._lock:
            core = self._core_of_this_thread()
            shared = self._shared.get((card.name, core))
            if shared is None or shared.has_failed:
                shared = self._shared[card.name, core] = self._load(card, core)
            shared.num_users += 1
            return NeuronModel(card, shared, self._leave)

    def _num_cores(self) -> int:
        try:
            return num_visible_cores(os.environ)
        except NoToolchain as error:
            raise DeviceFault(str(error)) from error

    def _core_of_this_thread(self) -> int:
        num_cores = self._num_cores()
        number = self._cores_by_thread.setdefault(threading.get_ident(), len(self._cores_by_thread))
        return number // SUBMITTERS_A_CORE % num_cores

    def _leave(self, model: CoreModel) -> None:
        """End one use of a core's programs; a device that failed does not give them to another user."""
        with self._lock:
            model.num_users -= 1
            is_shared = self._shared.get(model.key) is model
            if is_shared and (model.num_users == 0 or model.has_failed):
                del self._shared[model.key]

    def _load(self, card: Card, core: int) -> CoreModel:
        precision = device_precision(card, self._config.precision)
        clock = self._clocks.setdefault(core, CoreClock())
        model = CoreModel((card.name, core), precision, clock)
        refusals: dict[Bucket, str] = {}
        for bucket in buckets_of(card, precision):
            reason = self._admit(model, card, bucket, core)
            if reason is not None:
                refusals[bucket] = reason
        self._keep_whole_sizes(model, card, refusals)
        return model

    def _admit(self, model: CoreModel, card: Card, bucket: Bucket, core: int) -> str | None:
        """Load a bucket's program and judge it; returns why it may not run."""
        artefact = self._artefact(card, bucket)
        if isinstance(artefact, str):
            return artefact
        try:
            program = _loaded(card, artefact, core)
            reason = refusal(card, bucket, artefact, lambda batch: model.answer(program, card, batch))
        except DeviceFull as error:
            return f"no memory: {error}"
        except DeviceFault:
            raise
        except Exception as error:  # an archive that is none, or a program of another compiler
            return f"cannot be loaded: {error!r:.300}"
        if reason is None:
            model.programs[bucket.shape] = program
        return reason

    def _artefact(self, card: Card, bucket: Bucket) -> Artefact | str:
        if self._config.artefacts is None:
            return "not compiled: the module is not of the registry"
        try:
            torch_neuronx()
            found = self._config.artefacts.recall(card, bucket)
        except NoToolchain as error:
            raise DeviceFault(str(error)) from error
        return "not compiled: run vidsignal models compile" if found is None else found

    def _keep_whole_sizes(self, model: CoreModel, card: Card, refusals: Mapping[Bucket, str]) -> None:
        """Keep the batch sizes that are admitted for items of every length, and report the others."""
        refused_sizes = {bucket.shape[0] for bucket in refusals}
        for shape in [shape for shape in model.programs if shape[0] in refused_sizes]:
            del model.programs[shape]
        for bucket, reason in refusals.items():
            logger.warning("model %s does not run in bucket %s of %s: %s", card.name, bucket, self.name, reason)
            self._config.on_refused_bucket(card.name, self.name)
        if not model.programs:
            reasons = "; ".join(dict.fromkeys(refusals.values()))
            raise RunsOnHost(f"model {card.name} has no bucket on {self.name}: {reasons}")


def _loaded(card: Card, artefact: Artefact, core: int) -> Program:
    with runtime_faults(card.name), warnings.catch_warnings(), cores_context(core):
        warnings.simplefilter("ignore")  # deprecation of TorchScript
        program: Program = torch.jit.load(io.BytesIO(artefact.program))  # type: ignore[no-untyped-call]
    return program


@dataclass(eq=False)
class CoreModel:
    """The admitted programs of one model on one core."""

    key: tuple[str, int]
    """Model and core."""
    precision: Precision
    clock: CoreClock
    programs: dict[Shape, Program] = field(default_factory=dict)
    num_users: int = 0
    has_failed: bool = False
    """Whether the device failed here; later loads get programs of their own."""

    def answer(self, program: Program, card: Card, batch: np.ndarray) -> tuple[np.ndarray, ...]:
        """Run a program, with the faults of `runtime_faults`."""
        with runtime_faults(card.name), torch.inference_mode():
            answers: Any = program(torch.from_numpy(batch))
            return tuple(to_arrays(tuple(output.float() for output in answers)))


class NeuronModel:
    """One model of one thread."""

    def __init__(self, card: Card, shared: CoreModel, leave: Callable[[CoreModel], None]) -> None:
        self._card = card
        self._shared: CoreModel | None = shared
        self._precision = shared.precision
        self._leave = leave

    @property
    def precision(self) -> Precision:
        """See `LoadedModel.precision`; `bfloat16` means operands of products, which are summed in float32."""
        return self._precision

    @property
    def engine(self) -> Engine:
        """See `LoadedModel.engine`."""
        return "neuron"

    def compile(self) -> None:
        """Do nothing: programs are compiled before a worker starts."""

    def warm_up(self) -> dict[int, float]:
        """See `LoadedModel.warm_up`; the sizes that were admitted."""
        sizes = sorted({shape[0] for shape in self._open().programs})
        return time_batches(self.run, self._card, sizes, TIMED_RUNS)

    def run(self, batch: np.ndarray) -> DeviceResult:
        """See `LoadedModel.run`."""
        shared = self._open()
        if batch.shape not in shared.programs:
            raise DeviceFault(f"model {self._card.name} has no program for {batch.shape}")
        spent: list[float] = []
        try:
            with shared.clock.batch(spent.append):
                values = shared.answer(shared.programs[batch.shape], self._card, batch)
        except DeviceFault as fault:
            shared.has_failed |= not isinstance(fault, ModelFault)
            raise
        return DeviceResult(values, device_seconds=spent[0])

    def _open(self) -> CoreModel:
        if self._shared is None:
            raise DeviceFault(f"model {self._card.name} is closed on neuron")
        return self._shared

    def close(self) -> None:
        """See `LoadedModel.close`; its memory is free when the last thread of the core has closed it."""
        shared, self._shared = self._shared, None
        if shared is not None:
            self._leave(shared)

"""One model on an accelerator, which all submitting threads share: weights, and a graph for each shape of a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from models.card import Card, Precision
from operators.inference.cuda.batch_slot import DTYPES, shaped
from operators.inference.cuda.memory_budget import ModelShare
from operators.inference.cuda.packing import Packing
from operators.inference.cuda.runtime import CudaRuntime, Replayable, Stream
from operators.inference.graph_cache import Shape
from operators.inference.precision_wrapper import warm_up_batch

TIMED_REPLAYS = 3


@dataclass(frozen=True, slots=True)
class BatchGraph:
    """One shape of a batch, on tensors that never move."""

    inputs: Tensor
    packed: Tensor
    packing: Packing
    graph: Replayable
    is_captured: bool
    """Whether no code of the module runs in a replay."""


@dataclass(eq=False)
class DeviceModel:
    """The module and its buckets; `share` counts their memory."""

    card: Card
    precision: Precision
    trunk: nn.Module
    share: ModelShare
    buckets: dict[Shape, BatchGraph] = field(default_factory=dict)
    inputs: dict[Shape, Tensor] = field(default_factory=dict)
    """Bytes for the largest batch of each shape of an item."""
    num_users: int = 0
    has_failed: bool = False
    """Whether the device failed here; later loads get a model of their own."""

    @property
    def dtype(self) -> torch.dtype:
        """Of an input."""
        return DTYPES[self.card.input_dtype]

    @property
    def input_bytes(self) -> int:
        """Of the largest batch."""
        return max(bucket.inputs.nbytes for bucket in self.buckets.values())

    @property
    def output_bytes(self) -> int:
        """Of the largest packed answer."""
        return max(bucket.packing.num_bytes for bucket in self.buckets.values())

    @property
    def sizes(self) -> tuple[int, ...]:
        """Batch sizes that run for items of every length, ascending."""
        sizes = {shape[0] for shape in self.buckets}
        return tuple(sorted(s for s in sizes if all((s, *item) in self.buckets for item in self.card.item_shapes)))

    def keep(self, sizes: tuple[int, ...]) -> None:
        """Drop the buckets of other sizes."""
        for shape in [shape for shape in self.buckets if shape[0] not in sizes]:
            del self.buckets[shape]

    def close(self) -> None:
        """Let go of all memory; may be repeated."""
        self.buckets.clear()
        self.inputs.clear()
        self.trunk = nn.Identity()
        self.share.give_back()


class GraphMaker:
    """Makes the buckets of a device's models; the stream must be the current one, and nobody else may use it meanwhile.

    Args:
        runtime: of the device.
        compute: the stream in which all graphs run.
        on_eager: called with a model's name and the reason if it cannot be captured.
    """

    def __init__(self, runtime: CudaRuntime, compute: Stream, on_eager: Callable[[str, Exception], None]) -> None:
        self._runtime = runtime
        self._compute = compute
        self._on_eager = on_eager
        self._marks = (runtime.event(is_timed=True), runtime.event(is_timed=True))

    def make(self, model: DeviceModel, shape: Shape, *, is_of_card: bool) -> float | None:
        """Try a shape, capture and time it; returns device seconds, or None if it exceeds the memory budget.

        Raises:
            Exception: the module or the device refuses it.
        """
        inputs = self._filled(model, shape)
        packing = self._packing(model.trunk, inputs)
        packed = shaped(self._runtime.empty(packing.num_bytes), (packing.num_bytes // 4,), torch.float32)

        def work() -> None:
            packing.pack(model.trunk(inputs), packed)

        scratch_bytes = self._runtime.scratch_bytes(work)
        if not model.share.admits(packed.nbytes, scratch_bytes, is_of_card=is_of_card):
            return None
        graph, is_captured = self._captured(model.card, work)
        model.share.use(packed.nbytes, scratch_bytes)
        model.buckets[shape] = BatchGraph(inputs, packed, packing, graph, is_captured)
        return self._seconds(graph)

    def _filled(self, model: DeviceModel, shape: Shape) -> Tensor:
        inputs = shaped(model.inputs[shape[1:]], shape, model.dtype)
        inputs.copy_(torch.from_numpy(warm_up_batch(model.card, shape[0], shape[1:])))
        return inputs

    def _packing(self, trunk: nn.Module, inputs: Tensor) -> Packing:
        return Packing.of(trunk(inputs), inputs.shape[0])

    def _captured(self, card: Card, work: Callable[[], None]) -> tuple[Replayable, bool]:
        """Capture the work; work that cannot be captured is started kernel by kernel, which costs the host time."""
        try:
            return self._runtime.capture(work, self._compute), True
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            self._runtime.scratch_bytes(work)  # raises if the device is lost, or the module fails
            self._on_eager(card.name, error)
            return self._runtime.eager(work), False

    def _seconds(self, graph: Replayable) -> float:
        return min(self._timed(graph) for _ in range(TIMED_REPLAYS))

    def _timed(self, graph: Replayable) -> float:
        started, ended = self._marks
        started.record(self._compute)
        graph.replay()
        ended.record(self._compute)
        ended.synchronize()
        return started.elapsed_time(ended) / 1000

"""The few calls of `torch.cuda` that the backend makes. Tests put a stand-in here that enforces the device's rules."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import torch
from torch import Tensor

Work = Callable[[], None]
"""Kernels on tensors of the device that exist already; it returns nothing and keeps nothing."""


class Event(Protocol):
    """A mark in a stream. Who waits for it blocks without spinning."""

    def record(self, stream: Any) -> None:
        """Put the mark behind what the stream was given so far."""

    def synchronize(self) -> None:
        """Wait until the stream has passed the mark."""

    def elapsed_time(self, end: Any) -> float:
        """Return the milliseconds from this mark to another one, both passed."""


class Stream(Protocol):
    """A queue of the device; queues run in parallel."""

    def wait_event(self, event: Any) -> None:
        """Let everything that the stream is given from now on wait for a mark."""


class Replayable(Protocol):
    """Work that can be repeated on the same tensors."""

    def replay(self) -> None:
        """Give it to the current stream."""


class CudaRuntime(Protocol):
    """One device of this process; errors are those of torch."""

    @property
    def device(self) -> torch.device:
        """Where tensors of it are."""

    @property
    def total_bytes(self) -> int:
        """Its memory."""

    @property
    def offers_bfloat16(self) -> bool:
        """Whether it computes in bfloat16 itself."""

    def claim_thread(self) -> None:
        """Let the calling thread use this device; needed once on each thread."""

    def limit_memory(self, num_bytes: int) -> None:
        """Fail allocations of this process beyond a number of bytes."""

    def stream(self) -> Stream:
        """Return a new queue."""

    def event(self, *, is_timed: bool = False) -> Event:
        """Return a new mark; only timed ones have times."""

    def on(self, stream: Stream) -> AbstractContextManager[Any]:
        """Let the calling thread's calls go to a queue."""

    def pinned(self, num_bytes: int) -> Tensor:
        """Return bytes of the host that the device copies itself."""

    def empty(self, num_bytes: int) -> Tensor:
        """Return bytes of the device."""

    def copy(self, target: Tensor, source: Tensor) -> None:
        """Copy in the current stream; returns at once."""

    def capture(self, work: Work, stream: Stream) -> Replayable:
        """Record the kernels of some work as one graph; nothing runs.

        Graphs share their scratch memory, so they run one after the other, in one stream.

        Raises:
            Exception: the work cannot be captured, for example because the host looks at a value.
        """

    def eager(self, work: Work) -> Replayable:
        """Return work that the host starts kernel by kernel each time."""

    def scratch_bytes(self, work: Work) -> int:
        """Run some work in the current stream, to its end; return the memory that it needed beyond what it found."""

    def free_unused(self) -> None:
        """Return memory that nothing uses to the device."""


class TorchCuda:
    """`torch.cuda`.

    Args:
        device_index: of the accelerator.
    """

    def __init__(self, device_index: int) -> None:
        self._device = torch.device("cuda", device_index)
        self._pool: Any = None
        self._unfinished: list[torch.cuda.CUDAGraph] = []
        self._properties: Any = torch.cuda.get_device_properties(self._device)

    @property
    def device(self) -> torch.device:
        """See `CudaRuntime.device`."""
        return self._device

    @property
    def total_bytes(self) -> int:
        """See `CudaRuntime.total_bytes`."""
        return int(self._properties.total_memory)

    @property
    def offers_bfloat16(self) -> bool:
        """See `CudaRuntime.offers_bfloat16`."""
        with torch.cuda.device(self._device):
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))

    def claim_thread(self) -> None:
        """See `CudaRuntime.claim_thread`."""
        torch.cuda.set_device(self._device)
        # Kernels of convolutions are chosen by timing in the trial of each shape, on the thread that captures it.
        torch.backends.cudnn.benchmark = True

    def limit_memory(self, num_bytes: int) -> None:
        """See `CudaRuntime.limit_memory`."""
        torch.cuda.memory.set_per_process_memory_fraction(min(1.0, num_bytes / self.total_bytes), self._device)

    def stream(self) -> Stream:
        """See `CudaRuntime.stream`."""
        made: Stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        return made

    def event(self, *, is_timed: bool = False) -> Event:
        """See `CudaRuntime.event`."""
        made: Event = torch.cuda.Event(enable_timing=is_timed, blocking=True)  # type: ignore[no-untyped-call]
        return made

    def on(self, stream: Stream) -> AbstractContextManager[Any]:
        """See `CudaRuntime.on`."""
        given: Any = stream
        return torch.cuda.stream(given)

    def pinned(self, num_bytes: int) -> Tensor:
        """See `CudaRuntime.pinned`."""
        return torch.empty(num_bytes, dtype=torch.uint8, pin_memory=True)

    def empty(self, num_bytes: int) -> Tensor:
        """See `CudaRuntime.empty`."""
        return torch.empty(num_bytes, dtype=torch.uint8, device=self._device)

    def copy(self, target: Tensor, source: Tensor) -> None:
        """See `CudaRuntime.copy`."""
        target.copy_(source, non_blocking=True)

    def capture(self, work: Work, stream: Stream) -> Replayable:
        """See `CudaRuntime.capture`."""
        graph, given = torch.cuda.CUDAGraph(), stream
        stream_of_torch: Any = given
        if self._pool is None:
            self._pool = torch.cuda.graph_pool_handle()
        try:
            with torch.cuda.graph(graph, pool=self._pool, stream=stream_of_torch, capture_error_mode="thread_local"):
                work()
        except BaseException:
            self._pool = None  # torch takes no further graph into a pool whose capture did not end
            self._unfinished.append(graph)  # its allocator still asks the graph whether an allocation belongs to it
            raise
        return graph

    def eager(self, work: Work) -> Replayable:
        """See `CudaRuntime.eager`."""
        return EagerWork(work)

    def scratch_bytes(self, work: Work) -> int:
        """See `CudaRuntime.scratch_bytes`."""
        before_bytes = torch.cuda.memory_allocated(self._device)
        torch.cuda.reset_peak_memory_stats(self._device)
        work()
        torch.cuda.current_stream(self._device).synchronize()
        return max(0, torch.cuda.max_memory_allocated(self._device) - before_bytes)

    def free_unused(self) -> None:
        """See `CudaRuntime.free_unused`."""
        torch.cuda.empty_cache()


class EagerWork:
    """Work that is not captured."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def replay(self) -> None:
        """See `Replayable.replay`."""
        self._work()

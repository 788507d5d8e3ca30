"""A stand-in for `torch.cuda` that enforces the device's rules on a CPU.

- A stream does nothing until somebody waits: then the heads of all streams run in a random order that the marks allow.
  A missing wait gives a wrong answer for some seed.
- Streams have clocks of their own, so work in different streams overlaps, and marks have times.
- Copies between host and device want pinned memory.
- During a capture nothing runs, and the host may not look at a value.
- Memory is limited; an error that breaks the context fails every later call with the same code.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from operators.inference.cuda.faults import LOST

NOT_READY = 600
CAPTURE_UNSUPPORTED = 900
COPY_SECONDS_A_BYTE = 1e-9
LAUNCH_SECONDS = 1e-4
LOOKS = {
    "item",
    "tolist",
    "cpu",
    "numpy",
    "tensor",
    "nonzero",
    "masked_select",
    "equal",
    "__bool__",
    "__int__",
    "__float__",
}
"""Calls that need a value on the host."""
FACTORIES = {"arange", "zeros", "ones", "full", "empty", "eye", "linspace", "rand", "randn"}
"""Calls that make a tensor on the host if they name no device."""


def accelerator_error(code: int) -> torch.AcceleratorError:
    """As torch raises it; its words say nothing."""
    error = torch.AcceleratorError("the stand-in was told so")
    error.error_code = code  # type: ignore[attr-defined]
    return error


@dataclass(eq=False)
class Mark:
    """An event."""

    device: StandInCuda
    is_timed: bool
    num_recorded: int = 0
    num_passed: int = 0
    seconds: float = 0.0

    def record(self, stream: Lane) -> None:
        with self.device.lock:
            self.device.require()
            self.num_recorded += 1
            stream.add(Step(mark=self, number=self.num_recorded))

    def synchronize(self) -> None:
        with self.device.lock:
            self.device.require()
            self.device.run_until(self, self.num_recorded)

    def elapsed_time(self, end: Mark) -> float:
        assert self.is_timed and end.is_timed, "a mark without times was asked for one"
        if self.num_passed < self.num_recorded or end.num_passed < end.num_recorded:
            raise accelerator_error(NOT_READY)
        return 1000 * (end.seconds - self.seconds)


@dataclass(eq=False)
class Step:
    """What a stream does next: some work, passing a mark, or waiting for one."""

    work: Callable[[], None] | None = None
    seconds: float = 0.0
    mark: Mark | None = None
    number: int = 0
    is_wait: bool = False
    given_seconds: float = 0.0
    """When the host gave it."""

    @property
    def may_run(self) -> bool:
        return not self.is_wait or self.mark is None or self.mark.num_passed >= self.number


@dataclass(eq=False)
class Lane:
    """A stream."""

    device: StandInCuda
    steps: deque[Step] = field(default_factory=deque)
    seconds: float = 0.0
    busy_seconds: float = 0.0

    def add(self, step: Step) -> None:
        assert not self.device.is_capturing, "a call that must not happen during a capture"
        step.given_seconds = self.device.host_seconds
        self.steps.append(step)

    def wait_event(self, event: Mark) -> None:
        with self.device.lock:
            self.device.require()
            self.add(Step(mark=event, number=event.num_recorded, is_wait=True))

    def run_head(self) -> None:
        step = self.steps.popleft()
        if step.work is not None:
            self.device.fail_if_told()
            step.work()
            self.seconds = max(self.seconds, step.given_seconds) + step.seconds
            self.busy_seconds += step.seconds
        elif step.mark is not None and step.is_wait:
            self.seconds = max(self.seconds, step.mark.seconds)
        elif step.mark is not None:
            step.mark.num_passed, step.mark.seconds = step.number, self.seconds


@dataclass(eq=False)
class CapturedWork:
    """A graph: replays in the current stream, after an upload has come there or not, as on a device."""

    device: StandInCuda
    work: Callable[[], None]
    seconds: float

    def replay(self) -> None:
        self.device.num_replays += 1
        self.device.enqueue(self.work, self.seconds)


@dataclass(eq=False)
class EagerStandIn:
    """The module's own code runs at once, as its errors are raised at the call; what it waits for runs before."""

    device: StandInCuda
    work: Callable[[], None]

    def replay(self) -> None:
        with self.device.lock:
            lane = self.device.current
            self.device.require()
            self.device.drain(lane)
            self.work()
            lane.seconds += LAUNCH_SECONDS
            lane.busy_seconds += LAUNCH_SECONDS


class CaptureRules(TorchFunctionMode):
    """Refuses what a capture refuses: the host looks at a value, or makes a tensor of its own."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name in LOOKS or (name in FACTORIES and (kwargs or {}).get("device") is None):
            raise accelerator_error(CAPTURE_UNSUPPORTED)
        return func(*args, **(kwargs or {}))


class CountedBytes(TorchFunctionMode):
    """Sums up what a piece of work allocates, as an upper bound of what it needs at once."""

    def __init__(self) -> None:
        super().__init__()
        self.num_bytes = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for part in made if isinstance(made, tuple | list) else (made,):
            self.num_bytes += part.nbytes if isinstance(part, Tensor) and not part._is_view() else 0
        return made


class StandInCuda:
    """See the module; give it to `CudaBackend` as its runtime.

    Args:
        seed: of the order in which streams run.
        total_bytes: memory of the device.
        seconds_of: time of a batch by its rows; by default a launch, and a hundredth of it for each row.
    """

    def __init__(
        self, seed: int = 0, total_bytes: int = 2**30, seconds_of: Callable[[int], float] | None = None
    ) -> None:
        self.lock = threading.RLock()
        self._met = threading.Condition(self.lock)
        self._to_meet = self._num_met = 0
        self.total_bytes = total_bytes
        self.device = torch.device("cpu")
        self.offers_bfloat16 = True
        self.lanes: list[Lane] = []
        self.host_seconds = self.began_seconds = 0.0
        self.num_replays = self.num_captures = 0
        self.limit_bytes = total_bytes
        self.is_capturing = False
        self.next_error: int | None = None
        self.dead: int | None = None
        self._seconds_of = seconds_of or (lambda rows: LAUNCH_SECONDS * (1 + rows / 100))
        self._random = random.Random(seed)
        self._known: list[tuple[int, int]] = []
        self._local = threading.local()

    @property
    def current(self) -> Lane:
        lane: Lane = self._local.lane
        return lane

    def claim_thread(self) -> None:
        self.require()
        self._local.is_claimed = True

    def limit_memory(self, num_bytes: int) -> None:
        self.limit_bytes = num_bytes

    def stream(self) -> Lane:
        self._require_claim()
        with self.lock:
            self.lanes.append(Lane(self))
            return self.lanes[-1]

    def event(self, *, is_timed: bool = False) -> Mark:
        return Mark(self, is_timed)

    @contextmanager
    def on(self, stream: Any) -> Iterator[None]:
        self._require_claim()
        before = getattr(self._local, "lane", None)
        self._local.lane = stream
        try:
            yield
        finally:
            self._local.lane = before

    def pinned(self, num_bytes: int) -> Tensor:
        self.require()
        return self._allocated(num_bytes)

    def empty(self, num_bytes: int) -> Tensor:
        self.require()
        if num_bytes > self.limit_bytes:
            raise torch.OutOfMemoryError("the stand-in has no memory")
        return self._allocated(num_bytes)

    def _allocated(self, num_bytes: int) -> Tensor:
        made = torch.full((num_bytes,), 255, dtype=torch.uint8)
        self._known.append((made.data_ptr(), made.data_ptr() + num_bytes))
        return made

    def copy(self, target: Tensor, source: Tensor) -> None:
        """Between memory of the device and pinned memory: the device cannot copy any other by itself."""
        assert target.shape == source.shape and target.dtype == source.dtype
        assert self._is_known(target) and self._is_known(source), "a copy that the host has to make"
        self.enqueue(lambda: target.copy_(source), COPY_SECONDS_A_BYTE * target.nbytes)

    def _is_known(self, tensor: Tensor) -> bool:
        return any(start <= tensor.data_ptr() < end for start, end in self._known)

    def capture(self, work: Callable[[], None], stream: Lane) -> CapturedWork:
        with self.lock:
            self.require()
            self.drain()
            self.is_capturing = True
            try:
                with CaptureRules():
                    work()
            finally:
                self.is_capturing = False
            self.num_captures += 1
            return CapturedWork(self, work, self.seconds_of_work(work))

    def seconds_of_work(self, work: Any) -> float:
        """By the rows of its input, which the closure of the backend holds."""
        inputs = dict(zip(work.__code__.co_freevars, work.__closure__, strict=True))["inputs"].cell_contents
        return self._seconds_of(inputs.shape[0])

    def eager(self, work: Callable[[], None]) -> EagerStandIn:
        return EagerStandIn(self, work)

    def scratch_bytes(self, work: Callable[[], None]) -> int:
        with self.lock:
            self.require()
            self.drain()
            with CountedBytes() as counted:
                work()
            if counted.num_bytes > self.limit_bytes:
                raise torch.OutOfMemoryError("the stand-in has no memory")
            return counted.num_bytes

    def free_unused(self) -> None:
        self.require()

    # How it is driven:

    def enqueue(self, work: Callable[[], Any], seconds: float) -> None:
        with self.lock:
            self.require()
            self.current.add(Step(work=work, seconds=seconds))

    def drain(self, lane: Lane | None = None) -> None:
        """Run everything that was given to one stream, or to all."""
        for each in [lane] if lane is not None else list(self.lanes):
            mark = Mark(self, is_timed=False)
            mark.record(each)
            mark.synchronize()

    def run_until(self, mark: Mark, number: int) -> None:
        self._meet()
        while mark.num_passed < number:
            ready = [lane for lane in self.lanes if lane.steps and lane.steps[0].may_run]
            assert ready, "every stream waits for another one"
            self._random.choice(ready).run_head()
        self.host_seconds = max(self.host_seconds, mark.seconds)

    def expect_in_flight(self, number: int) -> None:
        """Let nothing run until that many threads wait for the device; once."""
        self._to_meet, self._num_met = number, 0

    def _meet(self) -> None:
        self._num_met += 1
        self._met.notify_all()
        assert self._met.wait_for(lambda: self._num_met >= self._to_meet, 30)
        self._to_meet = 0

    def fail_if_told(self) -> None:
        code, self.next_error = self.next_error, None
        if code is not None:
            self.dead = code if code in LOST else None
            raise accelerator_error(code)

    def require(self) -> None:
        """Fail as every call does in a context that is broken."""
        if self.dead is not None:
            raise accelerator_error(self.dead)

    def _require_claim(self) -> None:
        self.require()
        assert getattr(self._local, "is_claimed", False), "this thread has not claimed the device"

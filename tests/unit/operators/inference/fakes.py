"""A device that does as it is told: doubles numbers, refuses poison, fails on order, waits at a gate."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models.card import Card, Precision
from models.tolerance import Tolerance
from operators.errors import DeviceFault
from operators.inference.backend import DeviceResult, RunsOnHost
from operators.inference.batch_policy import BatchLimits
from operators.inference.compute_mode import Engine
from operators.inference.inference import Inference
from operators.inference.observer import BatchRun
from operators.inference.request_context import Lane, RequestContext
from ops.bench.arithmetic_card import arithmetic_card

SIZES = (1, 4, 8, 16)


def number_card(name: str = "doubler", batch_sizes: tuple[int, ...] = SIZES) -> Card:
    """A model that takes one number an item."""
    return arithmetic_card(
        name,
        "doubles numbers in tests",
        input_shape=(1,),
        input_dtype="int64",
        outputs=("doubled",),
        batch_sizes=batch_sizes,
        tolerances=(Tolerance(max_difference=0.0),),
    )


def number(value: int) -> np.ndarray:
    return np.array([value], dtype=np.int64)


def context(video_id: str = "v", lane: Lane = "live", due_seconds: float = 1e9) -> RequestContext:
    return RequestContext(video_id, lane, due_seconds)


@dataclass
class FakeBackend:
    """Doubles every number; each batch that a model was given is kept."""

    name: str = "fake"
    num_submitters: int = 1
    poison: frozenset[int] = frozenset()
    """Numbers at which the model raises."""
    cursed: frozenset[int] = frozenset()
    """Numbers at which the device fails, and works again at others."""
    is_lost: bool = False
    """From its first fault on every call fails."""
    without_result: frozenset[int] = frozenset()
    """Numbers to which the model answers NaN."""
    faults_left: int = 0
    """How many of the next runs fail as a broken device does."""
    bug: Exception | None = None
    """Raised by `load` from the second on."""
    seconds_by_size: dict[int, float] = field(default_factory=dict)
    batches: list[tuple[str, list[int]]] = field(default_factory=list)
    fault: DeviceFault = field(default_factory=lambda: DeviceFault("the fake device is broken"))
    has_failed: bool = False
    num_loads: int = 0
    num_open: int = 0
    declined: dict[str, int] = field(default_factory=dict)
    """Models that are declined, by the number of the load that is."""
    loads_of: Counter[str] = field(default_factory=Counter)
    most_in_flight: int = 0
    meeting: threading.Barrier | None = None
    gate: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def load(self, card: Card, module: Any) -> FakeModel:
        self.num_loads += 1
        self.loads_of[card.name] += 1
        if self.declined.get(card.name, 10**9) <= self.loads_of[card.name]:
            raise RunsOnHost(f"the fake device has no place for {card.name}")
        if self.is_lost and self.has_failed:
            raise DeviceFault("the fake device is gone")
        if self.bug is not None and self.num_loads > 1:
            raise self.bug
        self.num_open += 1
        return FakeModel(card, self)

    def expect_in_flight(self, number: int) -> None:
        """Let the first batch end only when that many are under way."""
        self.meeting = threading.Barrier(number)

    def met(self) -> None:
        """Wait for the others, once."""
        meeting = self.meeting
        if meeting is not None:
            meeting.wait(30)
            self.most_in_flight, self.meeting = meeting.parties, None

    async def plugged(self, inference: Inference, model: str = "doubler") -> asyncio.Task[Any]:
        """Occupy the device with one item until the gate is set, so that everything after it queues up."""
        self.gate.clear()
        self.entered.clear()
        plug = asyncio.create_task(inference.batcher(model).submit(number(0), context("plug")))
        assert await asyncio.to_thread(self.entered.wait, 30)
        return plug


@dataclass
class FakeModel:
    card: Card
    backend: FakeBackend
    precision: Precision = "float32"
    engine: Engine = "torch"
    is_open: bool = True

    def compile(self) -> None:
        """Nothing to compile."""

    def warm_up(self) -> dict[int, float]:
        return self.backend.seconds_by_size or {size: 0.01 * size for size in self.card.batch_sizes}

    def run(self, batch: np.ndarray) -> DeviceResult:
        numbers = [int(value) for value in batch[:, 0]]
        self.backend.batches.append((self.card.name, numbers))
        self.backend.entered.set()
        self.backend.met()
        assert self.backend.gate.wait(30)
        if self.backend.is_lost and self.backend.has_failed:
            raise DeviceFault("the fake device is gone")
        if self.backend.faults_left > 0 or self.backend.cursed.intersection(numbers):
            self.backend.faults_left = max(0, self.backend.faults_left - 1)
            self.backend.has_failed = True
            raise self.backend.fault
        if self.backend.poison.intersection(numbers):
            raise IndexError(f"cannot bear {numbers}")
        doubled = np.array(
            [np.nan if value in self.backend.without_result else 2 * value for value in numbers], dtype=np.float32
        )
        return DeviceResult((doubled,), device_seconds=0.01 * len(numbers))

    def close(self) -> None:
        self.backend.num_open -= self.is_open
        self.is_open = False


@dataclass
class CountingObserver:
    runs: list[BatchRun] = field(default_factory=list)
    renewals: list[str] = field(default_factory=list)

    def batch_ran(self, run: BatchRun) -> None:
        self.runs.append(run)

    def runner_renewed(self, model: str) -> None:
        self.renewals.append(model)


async def open_inference(
    backend: FakeBackend,
    *cards: Card,
    limits: BatchLimits | None = None,
    observer: CountingObserver | None = None,
) -> Inference:
    def load_module(card: Card) -> Any:
        return None

    return await Inference.open(cards or (number_card(),), load_module, backend, limits=limits, observer=observer)


async def queued(*tasks: asyncio.Task[Any]) -> None:
    """Let tasks run until they wait for something outside the loop."""
    for _ in range(5):
        await asyncio.sleep(0)

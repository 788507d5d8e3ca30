"""Many items with poison among them, and callers that leave: everybody gets one answer, and memory does not grow."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from time import monotonic
from typing import TYPE_CHECKING, Final

import numpy as np
import psutil

from models.card import Card, Precision
from operators.errors import ModelFault
from operators.inference.backend import Build, DeviceResult
from operators.inference.compute_mode import Engine
from operators.inference.inference import Inference
from operators.inference.length_batcher import LengthBatcher
from operators.inference.request_context import LANES, RequestContext
from ops.bench.arithmetic_card import arithmetic_card

if TYPE_CHECKING:
    from torch import nn

POISON_RATIO: Final = 0.01
CANCELLED_RATIO: Final = 0.05
NUM_CALLERS: Final = 200
SETTLED_RATIO: Final = 0.2
"""Share of the items after which memory is first measured: pools and caches have their size by then."""
_VALUES: Final = 16
_REFUSED: Final = -1.0
"""First value of an item at which the model raises; NaN makes it return NaN."""
_NUM_VIDEOS: Final = 20
_MAX_PAUSES: Final = 4


@dataclass(slots=True)
class Endurance:
    """What became of the items, and of memory."""

    items: int
    outcomes: Counter[str]
    """Items by what their callers got: `answered`, `refused`, `cancelled`, or `wrong`, which is none of those that this
    item may get."""
    seconds: float
    settled_bytes: int
    """Resident memory after `SETTLED_RATIO` of the items."""
    final_bytes: int

    @property
    def lost(self) -> int:
        """Items without an outcome."""
        return self.items - sum(self.outcomes.values())

    @property
    def growth_ratio(self) -> float:
        """Growth of resident memory, as a share of what it was when settled."""
        return self.final_bytes / self.settled_bytes - 1


class DoublingModel:
    """Doubles every value; refuses a batch with a poison item, as a model does."""

    precision: Precision = "float32"
    engine: Engine = "torch"

    def __init__(self, card: Card) -> None:
        self._card = card

    def compile(self) -> None:
        """See `LoadedModel.compile`."""

    def warm_up(self) -> dict[int, float]:
        """See `LoadedModel.warm_up`."""
        return {size: 1e-5 * size for size in self._card.batch_sizes}

    def run(self, batch: np.ndarray) -> DeviceResult:
        """See `LoadedModel.run`."""
        if (batch[:, 0] == _REFUSED).any():
            raise ValueError("the batch has a poison item")
        return DeviceResult((2 * batch,), device_seconds=1e-5 * len(batch))

    def close(self) -> None:
        """See `LoadedModel.close`."""


class DoublingBackend:
    """A device that computes in no time, so that only the batcher works."""

    name = "doubling"
    num_submitters = 1

    def load(self, card: Card, build: Build) -> DoublingModel:  # noqa: ARG002  nothing is built
        """See `Backend.load`."""
        return DoublingModel(card)


def doubling_card() -> Card:
    """Return the card of `DoublingModel`."""
    return arithmetic_card(
        "doubling",
        "doubles numbers",
        input_shape=(_VALUES,),
        input_dtype="float32",
        outputs=("doubled",),
        batch_sizes=(1, 4, 8, 16, 32),
    )


async def endure(num_items: int, seed: int = 1) -> Endurance:
    """Submit items from many callers, and check every answer."""
    inference = await Inference.open([doubling_card()], _no_module, DoublingBackend())
    try:
        return await _Callers(inference.batcher("doubling"), num_items, seed).run()
    finally:
        await inference.drain()
        await inference.close()


def _no_module(card: Card) -> nn.Module:
    raise LookupError(f"{card.name} has no module; its device computes without one")


class _Callers:
    """Tasks that share one supply of numbers; each number is an item."""

    def __init__(self, batcher: LengthBatcher, num_items: int, seed: int) -> None:
        self._batcher = batcher
        self._num_items = num_items
        self._supply: Iterator[int] = iter(range(1, num_items + 1))
        self._random = Random(seed)
        self._outcomes: Counter[str] = Counter()
        self._settled_bytes = 0

    async def run(self) -> Endurance:
        began = monotonic()
        await asyncio.gather(*(self._call() for _ in range(NUM_CALLERS)))
        return Endurance(self._num_items, self._outcomes, monotonic() - began, self._settled_bytes, _resident_bytes())

    async def _call(self) -> None:
        for number in self._supply:
            if number == int(SETTLED_RATIO * self._num_items):
                self._settled_bytes = _resident_bytes()
            self._outcomes[await self._outcome_of(number)] += 1

    async def _outcome_of(self, number: int) -> str:
        poison = self._random.random() < POISON_RATIO
        leaves = self._random.random() < CANCELLED_RATIO
        asked = asyncio.create_task(self._ask(number, poison))
        if leaves:
            for _ in range(self._random.randrange(_MAX_PAUSES)):
                await asyncio.sleep(0)
            asked.cancel()
        await asyncio.wait([asked])
        if asked.cancelled():
            return "cancelled" if leaves else "wrong"
        if isinstance(asked.exception(), ModelFault):
            return "refused" if poison else "wrong"
        return "answered" if not poison and asked.exception() is None and asked.result() == 2 * number else "wrong"

    async def _ask(self, number: int, poison: bool) -> float:
        item = np.full(_VALUES, number, dtype=np.float32)
        if poison:
            item[0] = self._random.choice((_REFUSED, math.nan))
        context = RequestContext(f"v{number // 10 % _NUM_VIDEOS}", self._random.choice(LANES), math.inf)
        output = await self._batcher.submit(item, context)
        return float(output.values[0][-1])


def _resident_bytes() -> int:
    return int(psutil.Process().memory_info().rss)

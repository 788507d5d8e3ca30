"""Tries the modes of one model on stored real inputs: those within the card's tolerance run in turns and are timed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle, islice
from statistics import median
from typing import Final

import numpy as np

from models.card import Card
from operators.errors import DeviceFault
from operators.inference.batch_policy import Clock
from operators.inference.compute_mode import REFERENCE_MODE, ComputeMode
from operators.inference.loaded_model import LoadedModel
from operators.inference.mode_choice import Trial

NUM_ROUNDS: Final = 6
"""Every mode runs once in each; the first round is not counted."""

_NO_ROOM: Final = re.compile(r"alloc|out of memory|not enough memory|no space left", re.IGNORECASE)
"""In messages of libraries that raise errors without a type of their own."""

OpenModel = Callable[[ComputeMode], LoadedModel]
"""Loads the model in a mode, neither compiled nor warm."""


@dataclass(frozen=True, slots=True)
class _Opened:
    """A warm model, and the batch sizes that it can run."""

    model: LoadedModel
    sizes: tuple[int, ...]


def try_modes(
    card: Card,
    inputs: Sequence[np.ndarray],
    modes: Sequence[ComputeMode],
    open_model: OpenModel,
    clock: Clock,
    limit_seconds: float,
) -> tuple[Trial, ...]:
    """Compare the answers of each mode with those of `REFERENCE_MODE`, time the modes that pass, and return the results
    of all.

    Args:
        card: of the model.
        inputs: at least one real input.
        modes: what may be chosen.
        open_model: called once per mode, and for the reference.
        clock: CPU seconds of the calling thread; only for the limit.
        limit_seconds: no further mode is opened and no further round begins after this time.

    Raises:
        Exception: the model does not run in the reference mode.
    """
    until_seconds = clock() + limit_seconds

    def is_over() -> bool:
        return clock() >= until_seconds

    with ExitStack() as opening:
        opened = open_modes(card, inputs, modes, open_model, opening, is_over)
        seconds = _timed(opened, is_over)
    return (*(Trial(mode, each) for mode, each in seconds.items()), *opened.unusable)


@dataclass(frozen=True, slots=True)
class OpenedModes:
    """The modes of a model, warm."""

    usable: Mapping[ComputeMode, LoadedModel]
    """Those within the card's tolerance."""
    unusable: tuple[Trial, ...]
    _work: Mapping[ComputeMode, Sequence[np.ndarray]]

    def run_round(self, *, is_reversed: bool) -> dict[ComputeMode, float]:
        """Run each usable mode once, and return the seconds of an item."""
        return {
            mode: _item_seconds(self.usable[mode], self._work[mode])
            for mode in sorted(self.usable, key=str, reverse=is_reversed)
        }


def open_modes(
    card: Card,
    inputs: Sequence[np.ndarray],
    modes: Sequence[ComputeMode],
    open_model: OpenModel,
    opening: ExitStack,
    is_over: Callable[[], bool] = lambda: False,
) -> OpenedModes:
    """Open a model in each mode, and compare the answers with those of `REFERENCE_MODE`.

    Args:
        card: of the model.
        inputs: at least one real input.
        modes: what may be chosen.
        open_model: called once per mode, and for the reference.
        opening: closes the models.
        is_over: no further mode is opened once this is true, and one is usable.

    Raises:
        Exception: the model does not run in the reference mode.
    """
    reference = _opened(open_model(REFERENCE_MODE), opening)
    expected = _answers(reference, inputs)
    usable: dict[ComputeMode, _Opened] = {REFERENCE_MODE: reference} if REFERENCE_MODE in modes else {}
    unusable: list[Trial] = []
    for mode in modes:
        if mode == REFERENCE_MODE:
            continue
        if usable and is_over():
            unusable.append(Trial(mode, None, "not tried: no time left"))
            continue
        found = _judged(card, mode, inputs, expected, open_model, opening)
        if isinstance(found, Trial):
            unusable.append(found)
        else:
            usable[mode] = found
    return OpenedModes(
        {mode: opened.model for mode, opened in usable.items()},
        tuple(unusable),
        {mode: list(_workload(opened.sizes, inputs)) for mode, opened in usable.items()},
    )


def _opened(model: LoadedModel, opening: ExitStack) -> _Opened:
    opening.callback(model.close)
    model.compile()
    return _Opened(model, tuple(sorted(model.warm_up())))


def _judged(
    card: Card,
    mode: ComputeMode,
    inputs: Sequence[np.ndarray],
    expected: Sequence[np.ndarray],
    open_model: OpenModel,
    opening: ExitStack,
) -> _Opened | Trial:
    try:
        opened = _opened(open_model(mode), opening)
        if (opened.model.engine, opened.model.precision) != (mode.engine, mode.precision):
            return Trial(mode, None, "failed: the engine cannot compile it")
        excess = card.excess_of(expected, _answers(opened, inputs))
    except DeviceFault:
        raise
    except Exception as error:
        # An engine may fail at a model with any error. Then the model runs in another mode.
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
        return Trial(mode, None, f"failed: {reason[:200]}", _lacks_room(error))
    return opened if excess is None else Trial(mode, None, f"not within the tolerance: {excess}")


def _lacks_room(error: Exception) -> bool:
    """Whether memory, disk or descriptors were short, which says nothing about the mode."""
    return isinstance(error, MemoryError | OSError) or _NO_ROOM.search(str(error)) is not None


def _answers(opened: _Opened, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """Return the outputs for all inputs, in their order; computed in batches of one shape."""
    rows: dict[int, tuple[np.ndarray, ...]] = {}
    for places in _by_shape(inputs).values():
        size = opened.sizes[-1]
        for start in range(0, len(places), size):
            some = places[start : start + size]
            values = opened.model.run(_batch([inputs[place] for place in some], size)).values
            rows |= {place: tuple(value[row] for value in values) for row, place in enumerate(some)}
    return tuple(np.stack([rows[place][index] for place in range(len(inputs))]) for index in range(len(rows[0])))


def _by_shape(inputs: Sequence[np.ndarray]) -> Mapping[tuple[int, ...], list[int]]:
    places: dict[tuple[int, ...], list[int]] = {}
    for place, item in enumerate(inputs):
        places.setdefault(item.shape, []).append(place)
    return places


def _batch(items: Sequence[np.ndarray], size: int) -> np.ndarray:
    """Stack items, repeated until there are `size`: a row of zeros may cost less than a real one."""
    return np.stack(list(islice(cycle(items), size)))


def _timed(opened: OpenedModes, is_over: Callable[[], bool]) -> dict[ComputeMode, float]:
    """Return the median seconds of an item by mode."""
    measured: dict[ComputeMode, list[float]] = {mode: [] for mode in opened.usable}
    num_rounds = 0
    # At least one counted round, so that there is a result.
    while num_rounds < NUM_ROUNDS and (num_rounds < 2 or not is_over()):
        for mode, seconds in opened.run_round(is_reversed=num_rounds % 2 == 1).items():
            measured[mode].append(seconds)
        num_rounds += 1
    return {mode: median(each[1:]) for mode, each in measured.items()}


def _workload(sizes: Sequence[int], inputs: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield a lone item and a full batch of every input shape."""
    for places in _by_shape(inputs).values():
        for size in dict.fromkeys((sizes[0], sizes[-1])):
            yield _batch([inputs[place] for place in places[:size]], size)


def _item_seconds(model: LoadedModel, batches: Sequence[np.ndarray]) -> float:
    return sum(model.run(batch).device_seconds / len(batch) for batch in batches) / len(batches)

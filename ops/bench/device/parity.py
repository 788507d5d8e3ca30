"""Every model, in each precision and batch size, compared with the eager module in float32 on the processor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import nn

from models.card import Precision
from models.tolerance import Deviation
from operators.inference.backends.cuda import CudaModel
from ops.bench.device.carried import CarriedModel
from ops.bench.device.stage import PRECISIONS, DeviceStage
from ops.bench.report import Bound, Figure

SIZES = (1, 4, 64, 256)
FULL_FLOAT32 = 1e-4
"""Largest relative error in float32; TF32 has some 3e-4."""

Answers = tuple[np.ndarray, ...]


def parity_figures(stage: DeviceStage, model: CarriedModel) -> Iterator[Figure]:
    """Compare one model, precision by precision."""
    items = [model.items[place % len(model.items)] for place in range(stage.lengths.compared_items)]
    items = [item for item in items if item.shape == items[0].shape]
    expected = _answers_of(model.build(), items)
    for precision in PRECISIONS:
        if precision == "bfloat16" and precision not in model.card.precisions:
            continue
        stage.say(f"parity: {model.card.name} in {precision}")
        yield from _compared(stage, model, precision, items, expected)


def _answers_of(module: nn.Module, items: Sequence[np.ndarray]) -> Answers:
    with torch.inference_mode():
        return tuple(output.float().numpy() for output in module(torch.from_numpy(np.stack(items))))


def _compared(
    stage: DeviceStage, model: CarriedModel, precision: Precision, items: list[np.ndarray], expected: Answers
) -> Iterator[Figure]:
    loaded = stage.backend(precision).load(model.card, model.build)
    for size in sorted({*SIZES} & loaded.warm_up().keys()):
        found = _in_batches(loaded, items, size)
        name = f"{model.card.name}, {precision}, batches of {size}"
        for output, first, second in zip(model.card.outputs, expected, found, strict=True):
            deviation = Deviation.between(first, second)
            yield Figure(f"{name}: {output}, largest difference", deviation.max_difference, "")
            yield Figure(f"{name}: {output}, least cosine", deviation.min_cosine, "")
            if first.ndim > 1:
                yield Figure(f"{name}: {output}, equal top class", deviation.equal_top1_ratio, "of 1")
        if precision == "float32":
            error = max(map(_relative_error, expected, found))
            yield Figure(f"{name}: relative error", error, "of 1", Bound("at most", FULL_FLOAT32))
        excess = model.card.excess_of(expected, found)
        yield Figure(f"{name}: within the card's tolerance", float(excess is None), "of 1", _tolerated(model))
    loaded.close()


def _tolerated(model: CarriedModel) -> Bound | None:
    """Tolerances are those of trained weights."""
    return Bound("at least", 1.0) if model.has_weights else None


def _in_batches(loaded: CudaModel, items: list[np.ndarray], size: int) -> Answers:
    """Run items in batches of one size, repeated to fill the last one; what is not written stays NaN."""
    parts: list[Answers] = []
    for start in range(0, len(items), size):
        rows = [items[(start + place) % len(items)] for place in range(size)]
        loaded.poison_outputs()
        parts.append(loaded.run(np.stack(rows)).values)
    return tuple(np.concatenate(column)[: len(items)] for column in zip(*parts, strict=True))


def _relative_error(expected: np.ndarray, found: np.ndarray) -> float:
    error, length = (float(np.linalg.norm(part.astype(np.float64))) for part in (expected - found, expected))
    return error / max(length, 1e-12)

"""Decides whether a program may run: in every row and next to padding, it must answer as the module does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle, islice
from typing import TYPE_CHECKING

import numpy as np

from models.card import Card
from operators.errors import ModelFault
from operators.inference.neuron.artefacts import Artefact, Bucket

if TYPE_CHECKING:
    from collections.abc import Sequence

Run = Callable[[np.ndarray], "tuple[np.ndarray, ...]"]
"""Computes one batch of the bucket."""


def refusal(card: Card, bucket: Bucket, artefact: Artefact, run: Run) -> str | None:
    """Return why a program may not run, None if it may: some are silently wrong at one size of a batch.

    Raises:
        DeviceFault: the device failed, which says nothing about the program.
    """
    inputs = artefact.input_array(card, bucket)
    expected = [answers.array() for answers in artefact.answers]
    found: list[list[np.ndarray]] = [[] for _ in expected]
    places: list[int] = []
    try:
        for rows in _batches(len(inputs), bucket.shape[0]):
            answers = run(_batch(inputs, rows, bucket))
            if len(answers) != len(expected) or any(len(each) != bucket.shape[0] for each in answers):
                return f"answers {[each.shape for each in answers]} to {bucket.shape[0]} rows"
            for column, values in zip(found, answers, strict=True):
                column.append(values[: len(rows)])
            places += rows
    except ModelFault as fault:
        return str(fault)
    return card.excess_of([each[places] for each in expected], [np.concatenate(column) for column in found])


def _batches(num_inputs: int, size: int) -> Iterator[list[int]]:
    """Yield which inputs form a batch: full ones until each input was in one, then a lone input next to padding."""
    endless = cycle(range(num_inputs))
    for _ in range(-(-num_inputs // size)):
        yield list(islice(endless, size))
    yield [0]


def _batch(inputs: np.ndarray, rows: Sequence[int], bucket: Bucket) -> np.ndarray:
    batch = np.zeros(bucket.shape, inputs.dtype)
    batch[: len(rows)] = inputs[rows]
    return batch

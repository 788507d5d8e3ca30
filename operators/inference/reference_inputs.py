"""Real inputs of models in one file, to judge and time another way of computing. Setup creates it from sample clips."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import cycle, islice
from pathlib import Path
from typing import Final

import numpy as np

from models.card import Card
from models.card_registry import CARDS
from models.model_input import ClipInput, CropInput, FrameInput
from operators.frames.image_input import frame_input

logger = logging.getLogger(__name__)

FILE_NAME: Final = "reference-inputs-4.npz"
"""In the folder of weights and samples. The number changes with the content."""

_PICTURES_OF: Final = "efficientnet-lite0"
"""The model whose pictures others are given: frames of which nothing but the centre is kept."""
_MAX_PICTURES: Final = 8
"""Of an added model, which may take seconds for one."""


class ReferenceInputs:
    """The inputs of one file, which is read when they are first needed.

    Args:
        path: of the file; without it there are no inputs.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def of(self, card: Card) -> Sequence[np.ndarray]:
        """Return real inputs of a model, each in the card's shape and dtype; empty if there are none.

        Added models of pictures get those that are stored for the product's own, scaled as their cards say; added
        models of sound and of texts have none.
        """
        if card.is_added:
            return tuple(_pictures(list(self._arrays.get(_PICTURES_OF, ())), card))
        found = self._arrays.get(name_of_inputs(card, CARDS))
        if found is None or found.shape[1:] != card.input_shape or found.dtype != card.input_dtype:
            return ()
        return tuple(_shortened(item, card) for item in found)

    @cached_property
    def _arrays(self) -> Mapping[str, np.ndarray]:
        try:
            with np.load(self.path, allow_pickle=False) as file:
                return {name: file[name] for name in file.files}
        except FileNotFoundError:
            return {}
        except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
            logger.warning("cannot read the inputs that models are measured on, %s: %s", self.path, error)
            return {}


def name_of_inputs(card: Card, cards: Mapping[str, Card]) -> str:
    """Return the name under which a model's inputs are stored: that of the first model that takes the same frames."""
    if not isinstance(card.prepared, FrameInput):
        return card.name
    return next((other.name for other in cards.values() if other.prepared == card.prepared), card.name)


def _pictures(squares: Sequence[np.ndarray], card: Card) -> Iterator[np.ndarray]:
    how, number = card.prepared, min(len(squares), _MAX_PICTURES)
    if isinstance(how, FrameInput):
        yield from (frame_input(square, how) for square in squares[:number])
    elif isinstance(how, CropInput):
        yield from (frame_input(square, how.frame) for square in squares[:number])
    elif isinstance(how, ClipInput):
        shown = [frame_input(square, how.frame) for square in squares]
        for start in range(number):
            yield np.stack(list(islice(cycle(shown), start, start + how.num_frames)))


def _shortened(item: np.ndarray, card: Card) -> np.ndarray:
    """Cut padding off a text, as its tokenizer does; sound stays as long as it is."""
    if card.input_dtype != "int64" or not card.lengths:
        return item
    num_used = int(np.flatnonzero(item).max(initial=-1)) + 1
    return item[: next(length for length in card.lengths if length >= num_used)]

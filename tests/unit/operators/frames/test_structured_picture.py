"""Hashes whose quality does not count captions."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from operators.frames.fine_box import FineBox
from operators.frames.hash_limits import USABLE_QUALITY
from operators.frames.perceptual_hash import perceptual_hash
from operators.frames.structured_picture import StructuredPicture
from tests.unit.operators.frames.made_pictures import picture


def captioned(luma: np.ndarray) -> np.ndarray:
    drawn = luma.copy()
    for down_px, words in ((56, "WAIT FOR IT"), (230, "follow for more")):
        for level, thickness in ((0, 5), (255, 2)):
            cv2.putText(drawn, words, (38, down_px), cv2.FONT_HERSHEY_DUPLEX, 0.95, level, thickness)
    return drawn


def soft(seed: int) -> np.ndarray:
    """(256, 455): blotches without an edge."""
    levels = np.random.default_rng(seed).integers(60, 190, (3, 5), dtype=np.uint8)
    return np.asarray(cv2.resize(levels, (455, 256), interpolation=cv2.INTER_CUBIC))


SHOWS = cv2.resize(picture(3), (455, 256))


@pytest.mark.parametrize("ground", [soft(1), np.full((256, 455), 90, np.uint8)], ids=["soft", "plain"])
def test_captions_are_not_counted(ground: np.ndarray) -> None:
    """PDQ's quality says that there is enough to compare, which is the caption alone."""
    assert perceptual_hash(captioned(ground)).quality >= USABLE_QUALITY
    assert StructuredPicture(captioned(ground)).hash().quality < USABLE_QUALITY


def test_a_picture_behind_captions() -> None:
    """Is still usable, and its hash is PDQ's."""
    found = StructuredPicture(captioned(SHOWS)).hash()

    assert found.hexadecimal == perceptual_hash(captioned(SHOWS)).hexadecimal
    assert found.quality >= USABLE_QUALITY


def test_parts_by_themselves() -> None:
    """The half with content is usable, the half with a caption alone is not."""
    halves = np.hstack([SHOWS, captioned(soft(1))])
    found = StructuredPicture(halves)

    assert found.hash(FineBox(0, 256, 0, 455)).quality >= USABLE_QUALITY
    assert found.hash(FineBox(0, 256, 455, 910)).quality < USABLE_QUALITY


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (300, 2), (64, 64)])
def test_any_size(shape: tuple[int, int]) -> None:
    """A plain picture of any size has no quality."""
    assert StructuredPicture(np.full(shape, 7, np.uint8)).hash().quality == 0

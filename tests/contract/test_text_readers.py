"""The real models that read text in pictures: what they read, and that they always read the same."""

from __future__ import annotations

import threading

import cv2
import numpy as np
import pytest

from models.text_reading import TextReaders, load_text_readers
from operators.frames.text_reading import TextReading, read_pictures
from operators.media.tracks import TextPicture
from ops.assets import default_cache_dir


@pytest.fixture(scope="module")
def readers() -> TextReaders:
    return load_text_readers(default_cache_dir())


def picture(*lines: str, size: float = 0.9) -> np.ndarray:
    """White letters with a black edge over soft blotches."""
    blotches = np.random.default_rng(3).integers(40, 200, (5, 9, 3), dtype=np.uint8)
    pixels = np.asarray(cv2.resize(blotches, (640, 360), interpolation=cv2.INTER_CUBIC))
    for row, text in enumerate(lines):
        for colour, width in (((0, 0, 0), 6), ((255, 255, 255), 2)):
            place = (30, 60 + 60 * row)
            cv2.putText(pixels, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, width, cv2.LINE_AA)
    return pixels


def read(readers: TextReaders, *pictures: np.ndarray) -> TextReading:
    return read_pictures(readers, [TextPicture(float(n), pixels, (float(n),)) for n, pixels in enumerate(pictures)])


def test_lines(readers: TextReaders) -> None:
    """Two lines in their order, and nothing more."""
    (found,) = read(readers, picture("Wait until the end", "then share it")).pictures
    assert found.text == "Wait until the end\nthen share it"
    assert found.unread == ()


def test_nothing(readers: TextReaders) -> None:
    """Soft blotches, noise and black pictures hold no text."""
    noise = np.random.default_rng(4).integers(0, 256, (360, 640, 3), dtype=np.uint8)
    assert read(readers, picture(), noise, np.zeros((360, 640, 3), np.uint8)).pictures == []


def test_the_same_in_every_thread(readers: TextReaders) -> None:
    """Several at once change nothing, to the last bit."""
    pixels, answers = np.ascontiguousarray(picture("Wait until the end")[8:]), []
    threads = [threading.Thread(target=lambda: answers.append(readers.text_map(pixels))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(answer, answers[0]) for answer in answers)
    assert answers[0].max() > 0.5

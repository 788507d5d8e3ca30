"""Reads text in pictures: a detector of lines (differentiable binarisation) and a recogniser of one line (CTC).

Sources: M. Liao et al., "Real-time Scene Text Detection with Differentiable Binarization" (AAAI 2020); PaddleOCR,
PP-OCRv6 small. Both are ONNX graphs with free sizes, so they run in onnxruntime on the host and are not batched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.model_files import WeightFile
from models.weight_files import TEXT_DETECTION, TEXT_RECOGNITION
from models.weights import weight_path

if TYPE_CHECKING:
    import onnxruntime

DETECTION_STEP_PX: Final = 32
"""Sides of the detector's pictures are multiples of this."""
MODE: Final = "onnxruntime-float32"
"""How both run, on receipts."""
LINE_HEIGHT_PX: Final = 48
"""Height of the recogniser's pictures."""

_GIVE_BACK: Final = ("memory.enable_memory_arena_shrinkage", "cpu:0")
"""Frees a graph's memory after each call. Without an arena each layer's memory would come fresh from the kernel, which
costs a fifth of the time of a large picture; with one that is kept, a worker would hold that of its largest picture."""

Graph = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True)
class ReadLine:
    """What the recogniser reads in the picture of one line."""

    text: str
    score: float
    """Mean probability of its characters, in [0, 1]; 0 for an empty text."""


class TextReaders:
    """Detector and recogniser; safe to use from several threads, each of which computes what it asks for.

    Args:
        detect: (1, 3, H, W) float32 to (1, 1, H, W) float32.
        recognise: (1, 3, 48, W) float32 to (1, T, C) float32 probabilities.
        characters: of columns 1 to C - 1; column 0 is the blank.
    """

    def __init__(self, detect: Graph, recognise: Graph, characters: tuple[str, ...]) -> None:
        self._detect = detect
        self._recognise = recognise
        self._characters = characters

    def text_map(self, pixels: np.ndarray) -> np.ndarray:
        """Return (H, W) float32 in [0, 1]: how likely each pixel belongs to a line of text.

        Args:
            pixels: (H, W, 3) uint8 RGB; H and W are multiples of 32.
        """
        return np.asarray(self._detect(_planes(pixels))[0, 0])

    def read(self, line: np.ndarray) -> ReadLine:
        """Read (48, W, 3) uint8 RGB, one line of text from left to right."""
        steps = self._recognise(_planes(line))[0]
        best = steps.argmax(axis=1)
        found = [
            (self._characters[column - 1], max(float(steps[place, column]) for place in places))
            for column, places in _runs(best)
            if column
        ]
        text = "".join(character for character, _ in found)
        return ReadLine(text, sum(score for _, score in found) / len(found) if found else 0.0)


def _runs(best: np.ndarray) -> list[tuple[int, list[int]]]:
    """Return each column that is best for some steps in a row, and these steps."""
    return [(int(column), list(places)) for column, places in groupby(range(len(best)), key=lambda place: best[place])]


def _planes(pixels: np.ndarray) -> np.ndarray:
    """Return (1, 3, H, W) float32 in [-1, 1], blue first, as both networks were trained."""
    planes = pixels[:, :, ::-1].transpose(2, 0, 1)[np.newaxis].astype(np.float32)
    planes *= 2 / 255
    planes -= 1
    return planes


def load_text_readers(cache_dir: Path) -> TextReaders:
    """Load both graphs from the weight cache.

    Raises:
        models.weights.WeightsMissing, models.weights.WeightsCorrupt: See there.
    """
    recogniser = _session(TEXT_RECOGNITION, cache_dir)
    characters = recogniser.get_modelmeta().custom_metadata_map["character"].split("\n")
    return TextReaders(_graph(_session(TEXT_DETECTION, cache_dir)), _graph(recogniser), (*characters, " "))


def _session(file: WeightFile, cache_dir: Path) -> onnxruntime.InferenceSession:
    """Open a graph that computes in the thread of its caller: results do not depend on the number of cores."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    path = weight_path(file, cache_dir)
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _graph(session: onnxruntime.InferenceSession) -> Graph:
    import onnxruntime

    (only,) = session.get_inputs()
    options = onnxruntime.RunOptions()
    options.add_run_config_entry(*_GIVE_BACK)

    def answer(planes: np.ndarray) -> np.ndarray:
        answers: list[Any] = session.run(None, {only.name: planes}, options)
        return np.asarray(answers[0])

    return answer

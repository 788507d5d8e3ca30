"""Reads the text in the few pictures of a video that may have some, and says what of it cannot be read."""

from __future__ import annotations

import math
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Final

import numpy as np

from models.text_reading import ReadLine, TextReaders
from operators.frames.text_lines import TextBox, find_lines, frame_box, read_line
from operators.media.tracks import TextPicture
from schemas.evidence import FrameBox

LOOK_PX: Final = 320
"""Longer side at which several pictures are searched for text: a quarter of the cost of reading size."""
READING_PX: Final = 640
MIN_SCORE: Final = 0.6
"""A line with a lower score is not text, or of an unknown script."""
MIN_DOUBTFUL_SCORE: Final = 0.9
"""The same for a doubtful line: one of few characters, or of few for its width, or of which the detector is not sure.
Girders, grass and fur are read as `XX`; letters that a picture shows are read with scores near 1, also on them."""
SHORT_CHARACTERS: Final = 3
SPARSE_CHARACTERS_RATIO: Final = 1.2
"""Characters of a line over its width in heights; of drawn text 1.3 and more, of girders up to 0.9."""
SURE_BOX_SCORE: Final = 0.75
LOOK_BOX_SCORE: Final = 0.62
LOOK_ASPECT_RATIO: Final = 5.0
"""At the smaller size a line with a lower score that is no wider is a texture."""
ALIKE_RATIO: Final = 0.9
"""Similarity from which two pictures read alike: then the text stands, and no further picture is read."""
MAX_HEIGHT_RATIO: Final = 0.35
"""Of the picture's height: a higher line is no line of text."""
UNREAD_BOX_SCORE: Final = 0.82
UNREAD_ASPECT_RATIO: Final = 3.0
UNREAD_HEIGHT_RATIO: Final = 0.2
"""A line that is surely one, so wide that it has several characters, and, over the picture's shorter side, not so high
as a row of coins."""
FEW_CHARACTERS_RATIO: Final = 0.35
"""Legible characters of a line over those that fit into it, one as wide as the line is high: with fewer the script is
unknown."""


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line that was read."""

    text: str
    score: float
    """Mean probability of its characters."""
    box: FrameBox


@dataclass(frozen=True, slots=True)
class ReadPicture:
    """The text of one picture."""

    pts_seconds: float
    alike_seconds: tuple[float, ...]
    """Times of the sampled frames with the same text, ascending."""
    lines: tuple[TextLine, ...]
    """In the order in which they are read."""
    unread: tuple[FrameBox, ...]
    """Lines that are there and cannot be read: of a script that the model does not know, or too blurred."""

    @property
    def text(self) -> str:
        """All lines, one below the other."""
        return "\n".join(line.text for line in self.lines)


@dataclass(slots=True)
class TextReading:
    """The text of a video's pictures, and what it cost."""

    pictures: list[ReadPicture] = field(default_factory=list)
    """Those in which text was found, in order of time."""
    num_searched: int = 0
    """Pictures in which the detector looked for text, at either size."""
    num_lines: int = 0
    """Lines that the recogniser was asked about."""
    detection_cpu_seconds: float = 0.0
    recognition_cpu_seconds: float = 0.0


def read_pictures(readers: TextReaders, pictures: Sequence[TextPicture]) -> TextReading:
    """Read the pictures of one video.

    A single picture is read at once. Several are first searched at a smaller size, and only those with text are read,
    there where it was found. Once two pictures read alike, further ones are read only if they have a line where none of
    those before has any.

    Args:
        readers: the models.
        pictures: those with the most that looks like text first.
    """
    reading, is_standing = TextReading(), False
    for picture in pictures:
        near = _search(readers, picture, reading, LOOK_PX) if len(pictures) > 1 else []
        if len(pictures) > 1 and not _is_worth_reading(near, picture, reading.pictures if is_standing else ()):
            continue
        found = _read(readers, picture, reading, near)
        is_standing = is_standing or any(_read_alike(found, other) for other in reading.pictures)
        if found.lines or found.unread:
            reading.pictures.append(found)
    reading.pictures.sort(key=lambda found: found.pts_seconds)
    return reading


def _is_worth_reading(near: Sequence[TextBox], picture: TextPicture, known: Sequence[ReadPicture]) -> bool:
    """Return whether a picture has a line; if text is known that stands, whether it has one elsewhere."""
    places = [place for found in known for place in (*(line.box for line in found.lines), *found.unread)]
    height, width = picture.pixels.shape[:2]
    centres = [box.corners.mean(axis=0) / (width, height) for box in near]
    return any(not any(_holds(place, x, y) for place in places) for x, y in centres)


def _holds(box: FrameBox, x: float, y: float) -> bool:
    return box.left <= x <= box.right and box.top <= y <= box.bottom


def _search(
    readers: TextReaders, picture: TextPicture, reading: TextReading, longer_px: int, near: Sequence[TextBox] = ()
) -> list[TextBox]:
    began_seconds = time.thread_time()
    found = find_lines(readers, picture.pixels, longer_px, near)
    boxes = [box for box in found if _is_line(box, picture.pixels) and (longer_px != LOOK_PX or not _is_texture(box))]
    reading.detection_cpu_seconds += time.thread_time() - began_seconds
    reading.num_searched += 1
    return boxes


def _is_texture(box: TextBox) -> bool:
    return box.score < LOOK_BOX_SCORE and box.width_px < LOOK_ASPECT_RATIO * box.height_px


def _is_line(box: TextBox, pixels: np.ndarray) -> bool:
    return bool(box.height_px <= MAX_HEIGHT_RATIO * min(pixels.shape[:2]))


def _read(readers: TextReaders, picture: TextPicture, reading: TextReading, near: Sequence[TextBox]) -> ReadPicture:
    boxes = _search(readers, picture, reading, READING_PX, near)
    began_seconds = time.thread_time()
    read = [(box, _cleaned(read_line(readers, picture.pixels, box))) for box in boxes]
    reading.recognition_cpu_seconds += time.thread_time() - began_seconds
    reading.num_lines += len(read)
    height, width = picture.pixels.shape[:2]
    return ReadPicture(
        picture.pts_seconds,
        picture.alike_seconds,
        tuple(
            TextLine(line.text, line.score, frame_box(box.corners, height, width))
            for box, line in read
            if _is_legible(box, line) and not _is_unread(box, line, min(height, width))
        ),
        tuple(frame_box(box.corners, height, width) for box, line in read if _is_unread(box, line, min(height, width))),
    )


def _cleaned(line: ReadLine) -> ReadLine:
    return ReadLine(" ".join(line.text.split()), line.score)


def _num_characters(text: str) -> int:
    return sum(unicodedata.category(character)[0] in "LN" for character in text)


def _is_legible(box: TextBox, line: ReadLine) -> bool:
    characters = len(line.text.replace(" ", ""))
    if characters < 2 or not _num_characters(line.text):
        return False
    is_doubtful = characters <= SHORT_CHARACTERS or _is_sparse(box, characters) or box.score < SURE_BOX_SCORE
    return line.score >= (MIN_DOUBTFUL_SCORE if is_doubtful else MIN_SCORE)


def _is_sparse(box: TextBox, characters: int) -> bool:
    return characters < SPARSE_CHARACTERS_RATIO * box.width_px / max(box.height_px, 1.0)


def _is_unread(box: TextBox, line: ReadLine, shorter_px: int) -> bool:
    """Whether a line is there, and few of the characters that fit into it were read."""
    aspect = box.width_px / max(box.height_px, 1.0)
    is_high = box.height_px > UNREAD_HEIGHT_RATIO * shorter_px
    if box.score < UNREAD_BOX_SCORE or aspect < UNREAD_ASPECT_RATIO or is_high:
        return False
    return line.score < MIN_SCORE or _num_characters(line.text) < FEW_CHARACTERS_RATIO * math.floor(aspect)


def _read_alike(one: ReadPicture, other: ReadPicture) -> bool:
    if not one.lines and not other.lines:
        return len(one.unread) == len(other.unread)
    return SequenceMatcher(None, one.text, other.text, autojunk=False).ratio() >= ALIKE_RATIO

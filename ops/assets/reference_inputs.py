"""Creates the real inputs on which the ways to compute a model are judged and timed: of the sample clips, in a file for
all workers of a machine, or of an operator's own media."""

from __future__ import annotations

import itertools
import math
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np

from models.card import Card
from models.card_registry import CARDS, card_of_use
from models.model_input import FrameInput
from models.sentence_embedding import load_sentence_tokens
from models.toxicity import load_toxicity_tokens
from operators.frames.image_input import frame_input
from operators.inference.reference_inputs import name_of_inputs
from ops.assets.clip import SampleClip
from ops.assets.sample_registry import SAMPLE_CLIPS
from ops.assets.samples import sample_path
from ops.assets.unusable_media import UnusableMedia

_MIN_FRAMES = 48
"""Of all media together; at least two of each. Of 26 frames, the share with an equal top class was 0.88 or 0.92 for the
same precision, depending on the frames; of 39 to 78 it was 0.92 to 0.96."""
_MAX_SOUND_SECONDS = 60.0
"""Of each file."""
_SHORTER_SIDE_PX = 256
"""As sampled frames have."""
_SOUND_HZ = 16_000
_NUM_WINDOWS = 12
"""Of each sound model."""
_FURTHER_TEXTS = (
    "Sunset timelapse",
    "you are all idiots and i hope you lose",
    "How to repair a bicycle chain in five minutes. Tools: a chain tool, gloves, some oil. Read the list below first.",
    "we will find out where you live",
    "Grandma's apple pie " * 12,
    "I think the referee was wrong about the second goal, but the better team won. What do you think? " * 5,
)


def write_reference_inputs(path: Path, cache_dir: Path, media: Sequence[Path] = ()) -> None:
    """Write a file of real inputs; it appears completely.

    Args:
        path: of the file.
        cache_dir: with the weights, which have been fetched.
        media: files to take frames and sound from; the sample clips if empty, which have been fetched then.

    Raises:
        UnusableMedia: see there.
        WeightsMissing, WeightsCorrupt: see `models.weights`; the tokenizers are among the weights.
    """
    inputs = inputs_of(media or [sample_path(clip, cache_dir) for clip in SAMPLE_CLIPS], cache_dir)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".partial-") as folder:
        partial = Path(folder) / path.name
        np.savez_compressed(partial, allow_pickle=False, **inputs)
        partial.replace(path)


def inputs_of(paths: Sequence[Path], cache_dir: Path) -> dict[str, np.ndarray]:
    """Return inputs by name of the model: of frames and sound of some files, and of texts that are the same for all.

    Models of sound have none if there is less sound than one window.

    Raises:
        UnusableMedia: see there.
        WeightsMissing, WeightsCorrupt: see `models.weights`; the tokenizers are among the weights.
    """
    try:
        return _inputs(paths, cache_dir)
    except av.error.FFmpegError as error:
        raise UnusableMedia(f"models cannot be measured with these files: {error}") from error


def _inputs(paths: Sequence[Path], cache_dir: Path) -> dict[str, np.ndarray]:
    frames = [frame for path in paths for frame in _frames(path, frames_each(len(paths)))]
    if not frames:
        raise UnusableMedia(f"models cannot be measured with {', '.join(map(str, paths))}: no file has a picture")
    sound = np.concatenate([_sound(path) for path in paths])
    seen = {
        card.name: np.stack([frame_input(frame, card.prepared) for frame in frames])
        for card in CARDS.values()
        if isinstance(card.prepared, FrameInput) and name_of_inputs(card, CARDS) == card.name
    }
    heard = {
        card.name: _windows(sound, card)
        for card in map(card_of_use, ("sound-events", "voice-activity"))
        if len(sound) >= card.input_shape[0]
    }
    texts = [text for clip in SAMPLE_CLIPS for text in _texts(clip)] + list(_FURTHER_TEXTS)
    meaning, abuse = load_sentence_tokens(cache_dir), load_toxicity_tokens(cache_dir)
    read = {
        card_of_use("text-meaning").name: _stacked([meaning.encode(text) for text in texts]),
        card_of_use("text-abuse").name: np.stack([abuse.encode(text) for text in texts]),
    }
    return {**seen, **heard, **read}


def frames_each(num_files: int) -> int:
    """Return how many frames are taken of each file."""
    return max(2, math.ceil(_MIN_FRAMES / max(1, num_files)))


def _texts(clip: SampleClip) -> Sequence[str]:
    if clip.upload is None:
        return ()
    return clip.upload.title, f"{clip.upload.title}\n{clip.upload.description} {' '.join(clip.upload.hashtags)}"


def _frames(path: Path, number: int) -> Iterator[np.ndarray]:
    """Yield frames of a file, evenly spread, as (H, W, 3) RGB; none of a sound file."""
    with av.open(str(path)) as container:
        if not container.streams.video:
            return
        for place in range(number):
            seconds = (place + 0.5) / number * (container.duration or 0) / av.time_base
            if (frame := _frame_at(container, seconds)) is not None:
                scale = _SHORTER_SIDE_PX / min(frame.width, frame.height)
                sides = round(frame.width * scale), round(frame.height * scale)
                yield frame.reformat(*sides, format="rgb24").to_ndarray()


def _frame_at(container: Any, seconds: float) -> Any | None:
    """Return the frame that is shown then, or the last one before."""
    container.seek(int(seconds * av.time_base))
    last = None
    for frame in container.decode(video=0):
        last = frame
        if frame.time is None or frame.time >= seconds:
            break
    return last


def _sound(path: Path) -> np.ndarray:
    """Return the beginning of a file's sound as mono float32 at 16 kHz; empty if it is silent."""
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return np.zeros(0, dtype=np.float32)
        resampler = av.AudioResampler(format="flt", layout="mono", rate=_SOUND_HZ)
        frames = container.decode(audio=0)
        heard = itertools.takewhile(lambda frame: frame.time is None or frame.time < _MAX_SOUND_SECONDS, frames)
        pieces = [piece for frame in heard for piece in resampler.resample(frame)]
    return np.concatenate([np.zeros(0, dtype=np.float32), *(piece.to_ndarray()[0] for piece in pieces)])


def _stacked(items: Sequence[np.ndarray]) -> np.ndarray:
    """Pad with zeros to the length of the longest text."""
    longest = max(map(len, items))
    return np.stack([np.pad(item, (0, longest - len(item))) for item in items])


def _windows(sound: np.ndarray, card: Card) -> np.ndarray:
    """Cut windows of a model's length, evenly spread over the whole sound."""
    (length,) = card.input_shape
    starts = np.linspace(0, len(sound) - length, _NUM_WINDOWS).astype(int)
    return np.stack([sound[start : start + length] for start in starts])

"""Creates the file of real inputs on which workers judge and time the ways to compute a model."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import numpy as np

from models.card import Card, FrameInput
from models.card_registry import CARDS, card_of_use
from models.sentence_embedding import load_sentence_tokens
from models.toxicity import load_toxicity_tokens
from operators.frames.image_input import frame_input
from ops.assets.clip import SampleClip
from ops.assets.sample_registry import SAMPLE_CLIPS
from ops.assets.samples import sample_path

_FRAME_TIMES = (0.25, 0.75)
"""Of each clip, as shares of its length."""
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


def write_reference_inputs(path: Path) -> None:
    """Write the file into the folder of sample clips and weights, which have been fetched; it appears completely.

    Raises:
        WeightsMissing, WeightsCorrupt: see `models.weights`; the tokenizers are among the weights.
    """
    inputs = _inputs(path.parent)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".partial-") as folder:
        partial = Path(folder) / path.name
        np.savez_compressed(partial, allow_pickle=False, **inputs)
        partial.replace(path)


def _inputs(cache_dir: Path) -> dict[str, np.ndarray]:
    paths = [sample_path(clip, cache_dir) for clip in SAMPLE_CLIPS]
    frames = [frame for path in paths for frame in _frames(path)]
    sound = np.concatenate([_sound(path) for path in paths])
    seen = {
        card.name: np.stack([frame_input(frame, card.prepared) for frame in frames])
        for card in CARDS.values()
        if isinstance(card.prepared, FrameInput)
    }
    heard = {card.name: _windows(sound, card) for card in map(card_of_use, ("sound-events", "voice-activity"))}
    texts = [text for clip in SAMPLE_CLIPS for text in _texts(clip)] + list(_FURTHER_TEXTS)
    meaning, abuse = load_sentence_tokens(cache_dir), load_toxicity_tokens(cache_dir)
    read = {
        card_of_use("text-meaning").name: _stacked([meaning.encode(text) for text in texts]),
        card_of_use("text-abuse").name: np.stack([abuse.encode(text) for text in texts]),
    }
    return {**seen, **heard, **read}


def _texts(clip: SampleClip) -> Sequence[str]:
    if clip.upload is None:
        return ()
    return clip.upload.title, f"{clip.upload.title}\n{clip.upload.description} {' '.join(clip.upload.hashtags)}"


def _frames(path: Path) -> Iterator[np.ndarray]:
    """Yield frames of a clip as (H, W, 3) RGB; none of a sound file."""
    with av.open(str(path)) as container:
        if not container.streams.video:
            return
        frames = [frame.reformat(format="rgb24") for frame in container.decode(video=0)]
    for share in _FRAME_TIMES:
        frame = frames[int(share * len(frames))]
        scale = _SHORTER_SIDE_PX / min(frame.width, frame.height)
        yield frame.reformat(round(frame.width * scale), round(frame.height * scale)).to_ndarray()


def _sound(path: Path) -> np.ndarray:
    """Return the sound of a clip as mono float32 at 16 kHz; empty if it is silent."""
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return np.zeros(0, dtype=np.float32)
        resampler = av.AudioResampler(format="flt", layout="mono", rate=_SOUND_HZ)
        pieces = [piece for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
    return np.concatenate([piece.to_ndarray()[0] for piece in pieces])


def _stacked(items: Sequence[np.ndarray]) -> np.ndarray:
    """Pad with zeros to the length of the longest text."""
    longest = max(map(len, items))
    return np.stack([np.pad(item, (0, longest - len(item))) for item in items])


def _windows(sound: np.ndarray, card: Card) -> np.ndarray:
    """Cut windows of a model's length, evenly spread over the whole sound."""
    (length,) = card.input_shape
    starts = np.linspace(0, len(sound) - length, _NUM_WINDOWS).astype(int)
    return np.stack([sound[start : start + length] for start in starts])

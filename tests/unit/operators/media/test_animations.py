"""Animated pictures are sampled like films, and held against a decoder that shares nothing with FFmpeg."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from operators.media.spread import spread
from tests.corpus.coded import coded_picture, number_of
from tests.decoded_here import decoded_here

LASTING_MS: dict[str, list[int]] = {
    "even": [100] * 40,
    "slides": [1000, 2000, 500, 3000, 1500],
    "a last slide of a moment": [1000] * 8 + [20],
    "two pictures": [5000, 40],
    "one picture": [1000],
    "a burst in the middle": [3000, *[40] * 20, 3000],
}


def _animation(path: Path, lasting_ms: Sequence[int]) -> Path:
    pictures = [Image.fromarray(coded_picture(number, 160, 96)) for number in range(len(lasting_ms))]
    options = {"lossless": True, "minimize_size": True} if path.suffix == ".webp" else {}
    first, *others = pictures
    durations = list(lasting_ms) if others else lasting_ms[0]
    first.save(path, save_all=True, append_images=others, duration=durations, loop=0, **options)
    return path


@pytest.mark.parametrize("suffix", ["gif", "png"])
@pytest.mark.parametrize("name", LASTING_MS)
def test_what_is_sampled_is_what_pillow_shows(suffix: str, name: str, tmp_path: Path) -> None:
    """Each sampled picture is the one that Pillow shows at that time; slides are all there."""
    path = _animation(tmp_path / f"moving.{suffix}", LASTING_MS[name])
    shown, begin = [], 0.0
    with Image.open(path) as image:
        for frame in ImageSequence.Iterator(image):
            pixels = np.asarray(frame.convert("RGB"))
            shown.append((begin, number_of(pixels), pixels))
            begin += float(frame.info.get("duration", 0)) / 1000
    found = decoded_here(path)
    assert found.failure is None and found.receipt is not None and found.plan is not None
    for seconds, pixels in zip(found.seconds, found.pictures, strict=True):
        at, number, _ = max((each for each in shown if each[0] <= seconds + 0.006), key=lambda each: each[0])
        assert number_of(pixels) == number
        assert abs(seconds - at) <= 0.006
    sampled = {number_of(pixels) for pixels in found.pictures}
    assert found.receipt.video is not None
    assert min(found.receipt.video.achieved_ratio, found.receipt.video.length_ratio) >= 0.9
    if "slides" in name or "pictures" in name or "moment" in name:
        assert sampled == set(range(len(LASTING_MS[name])))
    assert {0, len(LASTING_MS[name]) - 1} <= sampled or name == "even"


def test_an_animated_webp_fails_by_name(tmp_path: Path) -> None:
    """FFmpeg decodes none: that is said, and a still one is decoded."""
    found = decoded_here(_animation(tmp_path / "moving.webp", [1000, 500]))
    assert found.failure is not None and found.failure.cause == "media-no-decoder"
    still = decoded_here(_animation(tmp_path / "still.webp", [1000]))
    assert [number_of(pixels) for pixels in still.pictures] == [0]


def test_a_last_slide_at_the_very_end_is_looked_for() -> None:
    """Evenly distributed slides of which the last is shown for a moment: it gets a time of its own, a film's last
    picture does not."""
    slides = [float(number) for number in range(9)]
    assert spread(8, 0.0, 8.02, slides)[-1] == 8.0
    assert [int(time) for time in spread(9, 0.0, 8.02, slides)] == list(range(9))
    film = [number / 25 for number in range(192)]
    assert len(spread(8, 0.0, 7.68, film)) == 8

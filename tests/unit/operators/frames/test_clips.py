"""Clips of a video: which frames, when, and each scaled once."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from models.model_input import ClipInput, FrameInput
from operators.frames import clips as clips_module
from operators.frames.clips import Clip, clip_items, sampled_clips, timed_clips
from operators.media.tracks import SampledFrame
from operators.segments import TimeSpan, spans_between

SQUARE = FrameInput(8, "squash", 8)


def clips_at(num_sampled: int, num_frames: int, stride: int = 1, max_clips: int = 32) -> list[list[int]]:
    """Which of so many sampled frames, one a second, are in each clip."""
    times = [0.5 + number for number in range(num_sampled)]
    spans = spans_between(times, num_sampled)
    found = sampled_clips(times, spans, ClipInput(SQUARE, num_frames, max_clips, stride))
    for clip in found:
        assert clip.span.start_seconds == clip.seconds[0]
        assert clip.span.end_seconds == pytest.approx(min(clip.seconds[-1] + 1, num_sampled))
    return [[int(second) for second in clip.seconds] for clip in found]


class TestSampledClips:
    def test_one_after_another(self) -> None:
        """The last one ends with the video, and none is left out."""
        assert clips_at(10, 4) == [[0, 1, 2, 3], [4, 5, 6, 7], [6, 7, 8, 9]]

    def test_stride(self) -> None:
        """Every second frame."""
        assert clips_at(8, 4, stride=2) == [[0, 2, 4, 6], [1, 3, 5, 7]]

    def test_a_short_video(self) -> None:
        """Its last frame stands in for what is missing."""
        assert clips_at(2, 4) == [[0, 1, 1, 1]]
        assert clips_at(1, 4, stride=3) == [[0, 0, 0, 0]]

    def test_limit(self) -> None:
        """Fewer clips than there could be lie evenly in the video."""
        found = clips_at(48, 2, max_clips=4)
        assert [clip[0] for clip in found] == [6, 18, 30, 42]


class TestTimedClips:
    @pytest.mark.parametrize(("duration", "number"), [(0.0, 1), (1.0, 1), (3.9, 1), (4.0, 2), (600.0, 3)])
    def test_as_many_as_fit(self, duration: float, number: int) -> None:
        """At least one, at most the card's number, without overlap, within the video where it is long enough."""
        found = timed_clips(5.0, duration, ClipInput(SQUARE, 8, 3, frame_seconds=0.25))

        assert len(found) == number
        assert found[0].span.start_seconds >= 5.0
        assert all(first.span.end_seconds <= second.span.start_seconds + 1e-9 for first, second in pairwise(found))
        assert duration < 2.0 or found[-1].span.end_seconds <= 5.0 + duration + 1e-9
        steps = {round(after - before, 6) for clip in found for before, after in pairwise(clip.seconds)}
        assert steps == {0.25}


class TestItems:
    def test_what_is_shown_at_each_time(self) -> None:
        """Between two pictures the earlier one, before the first the first; in whatever order they come."""
        pictures = [SampledFrame(at, np.full((8, 8, 3), level, np.uint8)) for at, level in ((2.0, 20), (1.0, 10))]
        how = ClipInput(SQUARE, 4, 1)
        ((item,), *_) = clip_items({how: [Clip(TimeSpan(0, 3), (0.0, 1.0, 1.9, 2.0004))]}, pictures).values()

        assert (item.shape, item.dtype) == ((4, 8, 8, 3), np.uint8)
        assert item[:, 0, 0, 0].tolist() == [10, 10, 10, 20]

    def test_each_frame_is_scaled_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Clips that overlap, and cards that want the same squares, share them."""
        made = []

        def counted(pixels: np.ndarray, how: FrameInput) -> np.ndarray:
            made.append(how.side_px)
            return np.zeros((how.side_px, how.side_px, 3), np.uint8)

        monkeypatch.setattr(clips_module, "frame_input", counted)
        pictures = [SampledFrame(float(at), np.zeros((8, 8, 3), np.uint8)) for at in range(4)]
        clip = Clip(TimeSpan(0, 4), (0.0, 1.0, 2.0, 3.0))
        other = FrameInput(16, "squash", 16)
        wanted = {
            ClipInput(SQUARE, 4, 1): [clip],
            ClipInput(SQUARE, 4, 2): [clip, clip],
            ClipInput(other, 4, 1): [clip],
        }
        clip_items(wanted, pictures)

        assert made == [8] * 4 + [16] * 4

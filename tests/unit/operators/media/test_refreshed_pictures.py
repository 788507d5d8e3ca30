"""H.264 that refreshes its pictures a stripe at a time: a seek ends where that begins, not where a picture is whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from operators.media.decoders import pyav
from operators.media.plan import PlanPolicy
from tests.decoded_here import DecodedHere, decoded_here
from tests.hostile_media import numbered_picture, write_video

SAMPLED = PlanPolicy(full_decode_max_seconds=5.0, full_decode_max_packets=10, max_frames=12, num_dense_segments=3)
WIDTH, HEIGHT = 128, 96
WHOLE_FRAMES = 390
"""At picture 400 of this film x264 signals a refresh and encodes none: no decoder gets complete pictures from there."""


def _refreshed(path: Path, interval: int, num_frames: int = 500) -> Path:
    options = {"x264-params": f"intra-refresh=1:keyint={interval}:scenecut=0:bframes=0:threads=1:log=-1"}
    return write_video(
        path, num_frames=num_frames, width=WIDTH, height=HEIGHT, options={**options, "preset": "veryfast"}
    )


def _shares(found: DecodedHere) -> tuple[float, float]:
    assert found.receipt is not None and found.receipt.video is not None, found.failure
    return found.receipt.video.achieved_ratio, found.receipt.video.intact_ratio


@pytest.mark.parametrize(("name", "interval"), [("a.mp4", 25), ("a.mp4", 100), ("a.mkv", 50), ("a.ts", 50)])
def test_all_sample_points_are_reached(name: str, interval: int, tmp_path: Path) -> None:
    """Each has its picture, whole and at its time, and nothing counts as damaged."""
    found = decoded_here(_refreshed(tmp_path / name, interval), SAMPLED)
    assert _shares(found) == (1.0, 1.0)
    assert found.plan is not None and found.plan.video is not None
    assert len(found.seconds) == len(found.plan.video.wanted_seconds)
    assert found.seconds == pytest.approx(found.plan.video.wanted_seconds, abs=interval / 25)


def test_the_pictures_are_whole(tmp_path: Path) -> None:
    """Not those of which half is grey."""
    found = decoded_here(_refreshed(tmp_path / "a.mp4", 50, WHOLE_FRAMES), SAMPLED)
    assert len(found.pictures) > 4
    for seconds, picture in zip(found.seconds, found.pictures, strict=True):
        wanted = numbered_picture(round(25 * seconds), width=WIDTH, height=HEIGHT).astype(int)
        step = (picture.shape[0] / HEIGHT, picture.shape[1] / WIDTH)
        rows = (np.arange(HEIGHT) * step[0]).astype(int)
        columns = (np.arange(WIDTH) * step[1]).astype(int)
        assert np.abs(picture[rows][:, columns] - wanted).mean() < 12


def test_keyframes_that_bring_no_picture_end_the_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading ahead has a limit for the whole file; then sample points get what comes."""
    monkeypatch.setattr(pyav, "MAX_RECOVERY_PACKETS", 1)
    found = decoded_here(_refreshed(tmp_path / "a.mp4", 50), SAMPLED)
    assert len(found.pictures) > 4
    assert _shares(found)[1] == 1.0


def test_ordinary_keyframes_are_taken_by_themselves(tmp_path: Path) -> None:
    """One packet a keyframe sample: no packet more is decoded for files that have no need of it."""
    path = write_video(tmp_path / "a.mp4", num_frames=500, width=WIDTH, height=HEIGHT, options={"g": "25"})
    policy = PlanPolicy(full_decode_max_seconds=5.0, full_decode_max_packets=10, max_frames=12, num_dense_segments=0)
    found = decoded_here(path, policy)
    assert found.receipt is not None and found.receipt.frames_decoded == 12
    assert _shares(found) == (1.0, 1.0)

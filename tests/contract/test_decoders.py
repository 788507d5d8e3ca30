"""Every video decoder of the registry keeps the promises of `VideoDecoder`, on every sample."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from operators.media.containers import MediaFile, give_back, take_container
from operators.media.decoders.decoder_registry import DECODERS
from operators.media.decoders.protocol import DecodedFrame, DecoderFailed
from operators.media.geometry import Size
from operators.media.plan import DecodeSpan, PlanPolicy, VideoPlan, make_plan
from operators.media.read_index import read_index
from tests.hostile_media import text, write_video

MAX_PIXELS = 64 * 2**20
REFERENCE = "pyav"
TOLERANCE = 6.0
"""Mean difference of pixel values: decoders convert colours and scale in different orders."""


def _long_groups(path: Path) -> Path:
    return write_video(path, num_frames=100, options={"g": "250"})


def _short_groups(path: Path) -> Path:
    return write_video(path, num_frames=100, options={"g": "10", "bf": "0"})


def _uneven_times(path: Path) -> Path:
    return write_video(path, num_frames=60, rate=100, pts=lambda number: number * 4 + number * number % 7)


def _turned(path: Path) -> Path:
    return write_video(path, num_frames=60, rotation_degrees=90)


def _matroska(path: Path) -> Path:
    return write_video(path, num_frames=60)


SAMPLES = {
    "long groups": ("long.mp4", _long_groups),
    "short groups": ("short.mp4", _short_groups),
    "uneven times": ("uneven.mp4", _uneven_times),
    "turned": ("turned.mp4", _turned),
    "matroska": ("plain.mkv", _matroska),
}


@pytest.fixture(params=SAMPLES.values(), ids=SAMPLES.keys())
def media(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MediaFile]:
    """One sample, open."""
    name, build = request.param
    path = build(tmp_path / name)
    fd = os.open(path, os.O_RDONLY)
    media = MediaFile(fd, path.stat().st_size, MAX_PIXELS)
    yield media
    media.close()
    os.close(fd)


def plan_for(media: MediaFile, policy: PlanPolicy | None = None) -> VideoPlan:
    """The plan that the sample gets in earnest."""
    container = take_container(media)
    index = read_index(container, media)
    give_back(media, container, was_read=index.was_scanned)
    plan = make_plan(index, policy or PlanPolicy(), max_pixels=MAX_PIXELS).video
    assert plan is not None
    return plan


def decoded(name: str, media: MediaFile, plan: VideoPlan, spans: tuple[DecodeSpan, ...]) -> list[list[DecodedFrame]]:
    """Frames of each span."""
    decoder = DECODERS[name](media, plan)
    try:
        return [list(decoder.decode(span)) for span in spans]
    finally:
        decoder.close()


@pytest.mark.parametrize("name", DECODERS)
class TestVideoDecoder:
    """The contract."""

    def test_times_ascend(self, name: str, media: MediaFile) -> None:
        """Presentation times strictly increase over a sweep."""
        plan = plan_for(media)
        (frames,) = decoded(name, media, plan, plan.spans)
        times = [frame.pts_seconds for frame in frames]
        assert times == sorted(set(times))

    def test_same_frames_as_the_reference(self, name: str, media: MediaFile) -> None:
        """Every decoder shows the same pictures at the same times."""
        plan = plan_for(media)
        (frames,) = decoded(name, media, plan, plan.spans)
        (wanted,) = decoded(REFERENCE, media, plan, plan.spans)
        assert [f.pts_seconds for f in frames] == pytest.approx([f.pts_seconds for f in wanted], abs=1e-3)
        for ours, theirs in list(zip(frames, wanted, strict=True))[::9]:
            difference = ours.views(plan.frame_size)[0].astype(int) - theirs.views(plan.frame_size)[0]
            assert np.abs(difference).mean() < TOLERANCE

    def test_pictures_have_the_planned_shape(self, name: str, media: MediaFile) -> None:
        """RGB and luma are uint8 in the planned size, or turned by a quarter."""
        plan = plan_for(media)
        (frames,) = decoded(name, media, plan, plan.spans)
        rgb, luma = frames[0].views(plan.frame_size)[0], frames[0].luma(plan.motion_size)
        assert rgb.dtype == luma.dtype == np.uint8
        assert sorted(rgb.shape[:2]) == sorted(_shape(plan.frame_size))
        assert sorted(luma.shape) == sorted(_shape(plan.motion_size))

    def test_span_holds_its_frames_only(self, name: str, media: MediaFile) -> None:
        """A burst in the middle yields frames of its stretch alone, to within a frame at its start."""
        plan = plan_for(media)
        span = DecodeSpan("dense", 1.0, 1.5, 0.0)
        (frames,) = decoded(name, media, plan, (span,))
        assert frames
        assert all(0.9 <= frame.pts_seconds < 1.5 for frame in frames)

    def test_keyframe_sample_yields_one_frame(self, name: str, media: MediaFile) -> None:
        """A keyframe sample at the first keyframe, then one beyond it, yield a frame each, in order of time."""
        plan = plan_for(media)
        spans = (DecodeSpan("keyframe", 0.0, 0.0, 0.0), DecodeSpan("keyframe", 1.2, 1.2, 0.0))
        first, second = decoded(name, media, plan, spans)
        assert (len(first), len(second)) == (1, 1)
        assert first[0].pts_seconds < 0.1
        assert first[0].is_keyframe
        assert second[0].pts_seconds == pytest.approx(1.2, abs=0.1)

    def test_leaving_out_frames_keeps_the_pictures(self, name: str, media: MediaFile) -> None:
        """Where frames that no other needs are left out, those that remain are unchanged."""
        plan = plan_for(media)
        (frames,) = decoded(name, media, replace(plan, skip_nonreference=True), plan.spans)
        (wanted,) = decoded(REFERENCE, media, plan, plan.spans)
        by_time = {round(frame.pts_seconds, 3): frame for frame in wanted}
        for frame in frames[::7]:
            same = by_time[round(frame.pts_seconds, 3)]
            ours, theirs = frame.views(plan.frame_size)[0], same.views(plan.frame_size)[0]
            assert np.abs(ours.astype(int) - theirs).mean() < TOLERANCE


@pytest.mark.parametrize("name", DECODERS)
class TestRotation:
    """The display matrix is applied."""

    def test_upright(self, name: str, tmp_path: Path) -> None:
        """A picture stored lying down stands: the mark of its upper left corner is at the lower left."""
        path = write_video(tmp_path / "turned.mp4", num_frames=5, rotation_degrees=90)
        fd = os.open(path, os.O_RDONLY)
        media = MediaFile(fd, path.stat().st_size, MAX_PIXELS)
        plan = plan_for(media)
        (frames,) = decoded(name, media, plan, plan.spans)
        picture = frames[0].views(plan.frame_size)[0].astype(int)
        redness = picture[..., 0] - picture[..., 1]
        height, width = redness.shape
        assert height > width
        corner = redness[-height // 8 :, : width // 8].mean()
        assert corner > 60 > redness[: height // 8, -width // 8 :].mean()
        media.close()
        os.close(fd)


@pytest.mark.parametrize("name", DECODERS)
class TestRefusal:
    """What cannot be decoded is said in one way."""

    def test_no_media(self, name: str, tmp_path: Path) -> None:
        """Text raises `DecoderFailed`."""
        good = write_video(tmp_path / "good.mp4", num_frames=5)
        with good.open("rb") as file:
            plan = plan_for(MediaFile(file.fileno(), good.stat().st_size, MAX_PIXELS))
        bad = text(tmp_path / "text.mp4")
        with bad.open("rb") as file, pytest.raises(DecoderFailed):
            DECODERS[name](MediaFile(file.fileno(), bad.stat().st_size, MAX_PIXELS), plan)


def _shape(size: Size) -> tuple[int, int]:
    return size.height, size.width

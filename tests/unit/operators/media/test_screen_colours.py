"""Whatever screen a video was mastered for, operators see it as a standard screen shows it."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from av.video.reformatter import Interpolation

from models.model_input import FrameInput
from models.opennsfw import OpenNsfw, load_opennsfw
from operators.frames.image_input import frame_input
from operators.media.decoders.orientation import UPRIGHT
from operators.media.decoders.rendering import PictureOrientation, Renderer
from operators.media.geometry import Size
from operators.media.screen_colours import Colours, on_screen, screen_luma
from ops.assets.cache import default_cache_dir
from tests.decoded_here import DecodedHere, decoded_here
from tests.masters import Master, write_master

PQ, HLG, BT2020 = 16, 18, 9
_X265 = {"preset": "ultrafast", "crf": "12", "x265-params": "log-level=0:pools=1:frame-threads=1"}
MASTERS = {
    "PQ, 10 bits": (Master("pq", "bt2020", "bt2020", 10), "ffv1", {}),
    "PQ, 12 bits": (Master("pq", "bt2020", "bt2020", 12), "ffv1", {}),
    "PQ, full range": (Master("pq", "bt2020", "bt2020", 10, is_full_range=True), "ffv1", {}),
    "PQ in H.265": (Master("pq", "bt2020", "bt2020", 10), "libx265", _X265),
    "PQ of BT.709 primaries": (Master("pq", "bt709", "bt709", 10), "ffv1", {}),
    "HLG, 10 bits": (Master("hlg", "bt2020", "bt2020", 10), "ffv1", {}),
    "HLG, 12 bits, full range": (Master("hlg", "bt2020", "bt2020", 12, is_full_range=True), "ffv1", {}),
    "HLG in H.265": (Master("hlg", "bt2020", "bt2020", 10), "libx265", _X265),
    "BT.2020": (Master("sdr", "bt2020", "bt2020", 10), "ffv1", {}),
    "BT.709, full range": (Master(is_full_range=True), "ffv1", {}),
    "BT.709, 10 bits": (Master(bits=10), "ffv1", {}),
    "BT.709, 12 bits, full range": (Master(bits=12, is_full_range=True), "ffv1", {}),
    "BT.601": (Master(matrix="bt601"), "ffv1", {}),
    "BT.601, full range": (Master(matrix="bt601", is_full_range=True), "ffv1", {}),
}


def _pictures(width: int = 320, height: int = 192) -> list[np.ndarray]:
    """Skin, foliage, sky, greys and strong colours; soft edges, since chroma is stored at half the size."""
    columns, rows = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    ramps = [
        np.stack([columns * 255, columns * 255, columns * 255], axis=2),
        np.stack([230 - rows * 120, 180 - rows * 110, 150 - rows * 100], axis=2),
        np.stack([columns * 200, 255 - rows * 200, 60 + 0 * rows], axis=2),
        np.stack([40 + 0 * rows, rows * 180, 255 - columns * 100], axis=2),
        np.stack([255 - rows * 150, columns * 90, columns * 40], axis=2),
    ]
    return [np.rint(ramp).astype(np.uint8) for ramp in ramps]


def _shrunk(picture: np.ndarray, like: np.ndarray) -> np.ndarray:
    frame = av.VideoFrame.from_ndarray(picture, "rgb24")
    scaled = frame.reformat(like.shape[1], like.shape[0], "rgb24", interpolation=Interpolation.AREA)
    return scaled.to_ndarray().astype(int)


def _difference(found: DecodedHere, pictures: list[np.ndarray]) -> float:
    """Worst mean difference of a sampled picture and the one that was mastered."""
    numbers = [round(seconds * 5) for seconds in found.seconds]
    assert len(numbers) >= 1
    return max(
        float(np.abs(_shrunk(pictures[number], pixels) - pixels).mean())
        for number, pixels in zip(numbers, found.pictures, strict=True)
    )


@pytest.mark.parametrize("name", MASTERS)
def test_all_masters_look_alike(name: str, tmp_path: Path) -> None:
    """Sampled pictures are those of the standard master, to within what codecs and half-size chroma cost."""
    master, codec, options = MASTERS[name]
    for number, picture in enumerate(_pictures()):
        path = write_master(tmp_path / f"{number}.mkv", [picture] * 3, master, codec=codec, options=options)
        found = decoded_here(path)
        assert found.failure is None
        assert _difference(found, [picture] * 3) < 2.5, number
        assert found.motion is not None
        luma = screen_luma(_shrunk(picture, found.motion.luma[0]).astype(np.uint8)).astype(int)
        assert float(np.abs(luma - found.motion.luma[0]).mean()) < 5.0, number


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_harmless_clips_stay_harmless(transfer: Any, samples: Path, tmp_path: Path) -> None:
    """Mastered for PQ or HLG they score as nudity what they score as they are: taken for SDR it is up to 0.8 more."""
    model, pictures = load_opennsfw(default_cache_dir()), [_frame(samples / clip, index) for clip, index in HARMLESS]
    for picture in pictures:
        master = Master(transfer, "bt2020", "bt2020", 10)
        found = decoded_here(write_master(tmp_path / "clip.mkv", [picture] * 3, master))
        seen, plain = (_nudity(model, pixels) for pixels in (found.pictures[0], picture))
        assert seen == pytest.approx(plain, abs=0.05)
        assert seen < 0.2


HARMLESS = [("carphone_pristine.mp4", 47), ("small.mp4", 33), ("bikes.mp4", 49), ("shot_change.mp4", 29)]


def _frame(clip: Path, index: int) -> np.ndarray:
    with av.open(str(clip)) as container:
        picture = next(islice(container.decode(video=0), index, None))
        pixels = picture.reformat(width=320, height=192, format="rgb24", interpolation=Interpolation.AREA)
        return np.asarray(pixels.to_ndarray())


def _nudity(model: OpenNsfw, pixels: np.ndarray) -> float:
    with torch.inference_mode():
        return float(model(torch.from_numpy(frame_input(pixels, FrameInput(224, "squash", 256)))[None])[0])


def test_colours_may_change_in_mid_stream(tmp_path: Path) -> None:
    """Range and matrix are those of each picture: an advert of another master in a live stream."""
    picture = _pictures()[1]
    masters = [Master(matrix="bt709")] * 5 + [Master(matrix="bt601", is_full_range=True)] * 5
    parts = [
        write_master(tmp_path / f"{number}.ts", [picture] * 5, part, codec="libx264", options={"crf": "10"})
        for number, part in enumerate((masters[0], masters[-1]))
    ]
    path = tmp_path / "both.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert _difference(decoded_here(path), [picture] * 20) < 3.0


def test_what_is_brighter_than_white_stays_visible() -> None:
    """A picture of which all is in the highlights keeps its contrast: nothing can hide above white."""
    nits = np.tile(np.linspace(1_000, 10_000, 64), (48, 1))
    power = (nits / 10_000) ** 0.1593017578125
    codes = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    grey = np.repeat(np.rint(codes * 65_535).astype(np.uint16)[..., np.newaxis], 3, axis=2)
    shown = on_screen(grey, Colours(PQ, BT2020)).astype(int)
    assert (np.diff(shown[0, :, 0]) >= 0).all()
    assert shown[0, -1, 0] == 255
    assert shown[0, -1, 0] - shown[0, 0, 0] > 15


def test_one_glint_moves_nothing_else() -> None:
    """Ordinary parts of a picture keep their codes whatever stands next to them, and colours keep their hue."""
    codes = np.full((64, 64, 3), 0, np.uint16)
    codes[:, :] = (24_000, 20_000, 18_000)
    plain = on_screen(codes, Colours(PQ, BT2020))
    codes[:4, :4] = (60_000, 50_000, 50_000)
    glint = on_screen(codes, Colours(PQ, BT2020))
    assert (plain[32, 32] == glint[32, 32]).all()
    assert glint[0, 0, 0] > glint[0, 0, 1]


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_darkness_is_dark_and_nothing_is_nan(transfer: int) -> None:
    """Every code has a colour, and no light is black."""
    every = np.arange(65_536, dtype=np.uint16)
    grey = np.repeat(every.reshape(256, 256)[..., np.newaxis], 3, axis=2)
    shown = on_screen(grey, Colours(transfer, BT2020)).astype(int)
    assert (shown[0, 0] == 0).all() and (shown[-1, -1] >= 254).all()
    assert (np.diff(shown.reshape(-1, 3)[:, 1]) >= 0).all()


def test_luma_of_a_large_picture_is_its_own() -> None:
    """Colours have no part in it, whichever matrix players assume: a large picture does not state any."""
    planes = np.full((720 * 3 // 2, 1280), 100, np.uint8)
    planes[720:] = 200
    picture = av.VideoFrame.from_ndarray(planes, "yuv420p")
    luma = Renderer(16 / 9).luma(picture, Size(160, 90), PictureOrientation(1.0, UPRIGHT))
    assert np.abs(luma.astype(int) - round((100 - 16) * 255 / 219)).max() <= 1

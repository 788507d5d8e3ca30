"""Transparent pictures: what players show in any of their ways is what operators see."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from operators.media.frame_picker import ViewPicker
from operators.media.plan import PlanPolicy
from tests.decoded_here import decoded_here


def _bar(value: int, background: int) -> np.ndarray:
    plane = np.full((120, 160), background, np.uint8)
    plane[40:80] = value
    return plane


def _contrast(pixels: np.ndarray) -> float:
    """Of the middle against the border."""
    height = pixels.shape[0]
    return abs(float(pixels[height // 2 - 4 : height // 2 + 4].mean()) - float(pixels[: height // 8].mean()))


def _still(path: Path, colour: np.ndarray, alpha: np.ndarray) -> Path:
    Image.fromarray(np.dstack([colour, colour, colour, alpha]), "RGBA").save(path)
    return path


@pytest.mark.parametrize("suffix", ["png", "webp"])
@pytest.mark.parametrize(
    ("name", "colour", "alpha"),
    [
        ("below transparency", _bar(220, 30), np.zeros((120, 160), np.uint8)),
        ("white in transparency", np.full((120, 160), 255, np.uint8), _bar(255, 0)),
        ("black in transparency", np.zeros((120, 160), np.uint8), _bar(255, 0)),
        ("grey in transparency", np.full((120, 160), 128, np.uint8), _bar(255, 0)),
    ],
)
def test_a_bar_is_seen_wherever_it_hides(
    suffix: str, name: str, colour: np.ndarray, alpha: np.ndarray, tmp_path: Path
) -> None:
    """Under clear points, or in transparency alone, on either background."""
    found = decoded_here(_still(tmp_path / f"still.{suffix}", colour, alpha))
    assert found.failure is None
    assert max(_contrast(pixels) for pixels in found.pictures) > 60, name
    assert found.seconds == sorted(set(found.seconds))


def test_a_picture_for_each_background_is_seen_on_both(tmp_path: Path) -> None:
    """The old trick of one picture that is another on black: an upright bar on white, a flat one on black."""
    flat, upright = _bar(200, 0).astype(int), _bar(200, 0).T[:120, :].astype(int)
    upright = np.zeros((120, 160), int)
    upright[:, 60:100] = 200
    on_black, on_white = flat // 2, 255 - upright // 2
    alpha = 255 - (on_white - on_black)
    colour = np.clip(on_black * 255 // np.maximum(alpha, 1), 0, 255)
    path = _still(tmp_path / "two.png", colour.astype(np.uint8), alpha.astype(np.uint8))
    pictures = [pixels.astype(int).mean(axis=2) for pixels in decoded_here(path).pictures]
    contrasts = {(round(float(p.mean(axis=1).std())) > 10, round(float(p.mean(axis=0).std())) > 10) for p in pictures}
    assert {(True, False), (False, True)} <= contrasts


def test_what_is_opaque_is_sampled_once(tmp_path: Path) -> None:
    """A picture that could be transparent and is not costs nothing more."""
    path = _still(tmp_path / "opaque.png", _bar(220, 30), np.full((120, 160), 255, np.uint8))
    assert len(decoded_here(path).pictures) == 1


def test_transparent_films_are_seen_in_turn(tmp_path: Path) -> None:
    """All views of a long film come up, and it has no more pictures than the plan has room for."""
    path = tmp_path / "film.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=5)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "rgba"
        for number in range(100):
            pixels = np.dstack([np.full((120, 160), 128, np.uint8)] * 3 + [_bar(255, number)])
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgba")
            frame.pts, frame.time_base = number, Fraction(1, 5)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    found = decoded_here(path)
    assert found.plan is not None and found.plan.video is not None
    num_wanted = len(found.plan.video.wanted_seconds)
    assert num_wanted <= len(found.pictures) <= num_wanted + ViewPicker.MAX_EXTRA_VIEWS
    borders = [round(float(pixels[:20].mean())) for pixels in found.pictures]
    assert min(borders) < 60 < 200 < max(borders)
    assert found.receipt is not None and found.receipt.decode_errors == 0


def _webm(path: Path, codec: str, *, colour: np.ndarray, alpha: np.ndarray, num_pictures: int = 12) -> Path:
    options = {"auto-alt-ref": "0", "deadline": "realtime", "cpu-used": "8", "g": "5", "crf": "10", "b": "2000000"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=5, options=options)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuva420p"
        for number in range(num_pictures):
            pixels = np.dstack([colour, colour, colour, alpha])
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgba").reformat(format="yuva420p")
            frame.pts, frame.time_base = number, Fraction(1, 5)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


CLEAR, WHITE = np.zeros((120, 160), np.uint8), np.full((120, 160), 255, np.uint8)
SPARSE = PlanPolicy(full_decode_max_seconds=1.0, full_decode_max_packets=4, num_dense_segments=1, max_frames=6)
"""Of a few seconds only keyframes and one segment are decoded, as of a long film."""


@pytest.mark.parametrize(
    ("codec", "policy", "colour", "alpha"),
    [
        ("libvpx", None, _bar(220, 30), CLEAR),
        ("libvpx", SPARSE, WHITE, _bar(255, 0)),
        ("libvpx-vp9", None, WHITE, _bar(255, 0)),
        ("libvpx-vp9", None, 255 - WHITE, _bar(255, 0)),
        ("libvpx-vp9", SPARSE, _bar(220, 30), CLEAR),
    ],
    ids=["below clear, VP8", "white, VP8 sampled", "white, VP9", "black, VP9", "below clear, sampled"],
)
def test_transparency_of_webm_is_seen(
    codec: str, policy: PlanPolicy | None, colour: np.ndarray, alpha: np.ndarray, tmp_path: Path
) -> None:
    """FFmpeg's own decoders of VP8 and VP9 ignore it, browsers show it."""
    found = decoded_here(_webm(tmp_path / "clear.webm", codec, colour=colour, alpha=alpha), policy)
    assert found.failure is None and found.index is not None and found.index.unseen == ()
    assert max(_contrast(pixels) for pixels in found.pictures) > 60
    assert found.receipt is not None and found.receipt.video is not None
    assert found.receipt.video.seen_ratio == 1.0 and found.receipt.decode_errors == 0


def test_transparency_that_nothing_decodes_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a picture track that is not looked at: the pictures without it are analysed."""
    monkeypatch.setattr("operators.media.decoders.alpha._is_built_in", lambda name: False)
    colour, alpha = np.full((120, 160), 128, np.uint8), _bar(255, 0)
    found = decoded_here(_webm(tmp_path / "clear.webm", "libvpx-vp9", colour=colour, alpha=alpha))
    assert found.pictures and found.index is not None
    assert [(track.kind, track.codec) for track in found.index.unseen] == [("video", "transparency of vp9")]

"""Animated pictures are sampled like films, and held against a decoder that shares nothing with FFmpeg's."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from operators.media.spread import spread
from tests.corpus.cases import Case
from tests.corpus.coded import coded_picture, number_of
from tests.decoded_here import decoded_here
from tests.indexed_here import indexed_here

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


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
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


def test_webp_shows_transparency_and_orientation(tmp_path: Path) -> None:
    """A film on a clear background is seen on more than one, and upright as its EXIF data state."""
    pixels = coded_picture(5, 160, 96)
    alpha = np.where(np.arange(96)[:, None] < 48, 255, 0).astype(np.uint8) * np.ones((1, 160), np.uint8)
    pictures = [Image.fromarray(np.dstack([np.roll(pixels, number), alpha]), "RGBA") for number in range(4)]
    turned = Image.Exif()
    turned[0x0112] = 6
    path = tmp_path / "clear.webp"
    pictures[0].save(
        path, save_all=True, append_images=pictures[1:], duration=1000, lossless=True, exact=True, exif=turned
    )
    found = decoded_here(path)
    assert {picture.shape[:2] for picture in found.pictures} == {(427, 256)}
    clear = [float(picture[:, :100].mean()) for picture in found.pictures]
    assert min(clear) < 10 and max(clear) > 245
    assert found.receipt is not None and found.receipt.video is not None
    assert found.receipt.video.seen_ratio == 1.0


def _with_canvas(path: Path, width: int, height: int) -> Path:
    whole = bytearray(path.read_bytes())
    whole[24:30] = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    path.write_bytes(whole)
    return path


def test_webp_larger_than_its_decoder_may_hold_is_refused_by_its_size(tmp_path: Path) -> None:
    """Several copies of a picture are in memory at once: 64 million pixels, as other formats have, took 1.3 GB."""
    path = _animation(tmp_path / "large.webp", [1000] * 2)
    largest = indexed_here(_with_canvas(path, 4096, 4096)).video
    assert largest is not None and largest.width == 4096
    failure = decoded_here(_with_canvas(path, 4096, 4097)).failure
    assert failure is not None and failure.cause == "media-too-many-pixels"
    assert "4096x4097" in failure.message


def test_webp_pictures_without_a_duration_are_shown_as_browsers_do(tmp_path: Path) -> None:
    """A tenth of a second each, so that none is dropped."""
    found = decoded_here(_animation(tmp_path / "moving.webp", [0, 5, 10, 11, 3000]))
    assert found.index is not None and found.index.video is not None
    assert found.index.video.content_seconds == pytest.approx((0.0, 0.1, 0.2, 0.3, 0.311))
    assert number_of(found.pictures[-1]) == 4


@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_broken_animated_webp_does_not_pass_as_seen(kept: float, tmp_path: Path) -> None:
    """Cut off, it fails; with noise inside, what follows counts as damaged."""
    whole = _animation(tmp_path / "moving.webp", [1000] * 10).read_bytes()
    cut = tmp_path / "cut.webp"
    cut.write_bytes(whole[: int(kept * len(whole))])
    failure = decoded_here(cut).failure
    assert failure is not None and failure.cause == "media-unreadable"
    place = whole.index(b"ANMF", len(whole) // 2)
    (tmp_path / "noisy.webp").write_bytes(whole[: place + 40] + bytes(len(whole) - place - 40))
    noisy = decoded_here(tmp_path / "noisy.webp")
    assert noisy.failure is not None or (noisy.receipt is not None and noisy.receipt.video is not None)
    if noisy.receipt is not None and noisy.receipt.video is not None:
        assert noisy.receipt.video.intact_ratio < 0.9


@pytest.mark.parametrize("disposal", [1, 2, 3, [1, 2, 3, 2, 1]], ids=str)
def test_gif_pictures_are_drawn_over_what_the_previous_one_left(disposal: int | list[int], tmp_path: Path) -> None:
    """Each sampled picture is the one that Pillow composes, on white or on black."""
    pictures = []
    for number in range(5):
        picture = Image.new("RGBA", (160, 96), (0, 0, 0, 0))
        picture.paste(Image.fromarray(coded_picture(number + 1, 160, 96)).crop((0, 0, 60, 96)), (25 * number, 0))
        pictures.append(picture)
    path = tmp_path / "drawn.gif"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=1000, disposal=disposal, optimize=False)
    with Image.open(path) as image:
        shown = [np.asarray(frame.convert("RGBA")).astype(int) for frame in ImageSequence.Iterator(image)]
    found = decoded_here(path)
    assert {int(seconds) for seconds in found.seconds} == set(range(5))
    for seconds, pixels in zip(found.seconds, found.pictures, strict=True):
        small = np.asarray(Image.fromarray(pixels).resize((160, 96), Image.Resampling.BOX)).astype(int)
        colour, alpha = shown[int(seconds)][..., :3], shown[int(seconds)][..., 3:]
        composed = [(colour * alpha + background * (255 - alpha)) // 255 for background in (255, 0)]
        assert min(float(np.abs(small - each).mean()) for each in composed) < 2


def _with_default_picture(path: Path) -> Path:
    first, *others = [Image.fromarray(coded_picture(number, 160, 96)) for number in (9, 0, 1, 2)]
    first.save(path, save_all=True, default_image=True, append_images=others, duration=1000)
    return path


def test_a_picture_for_players_without_animation_is_named(tmp_path: Path) -> None:
    """FFmpeg skips the first picture of an APNG if it is not of the animation; many viewers show nothing else."""
    found = decoded_here(_with_default_picture(tmp_path / "two.png"))
    assert {number_of(pixels) for pixels in found.pictures} == {0, 1, 2}
    assert found.index is not None and [track.kind for track in found.index.unseen] == ["video"]
    plain = decoded_here(_animation(tmp_path / "one.png", [1000] * 3))
    assert plain.index is not None and plain.index.unseen == ()


def _avif(path: Path, *numbers: int) -> Path:
    first, *others = [Image.fromarray(coded_picture(number, 160, 96)) for number in numbers]
    first.save(path, save_all=bool(others), append_images=others, duration=1000, quality=90, speed=10)
    return path


def test_avif_sequences_are_seen_and_a_still_of_their_own_is_named(tmp_path: Path) -> None:
    """The track is analysed, not only the picture that stands for it, which counts if it is another one."""
    path = _avif(tmp_path / "moving.avif", 3, 4, 5)
    found = decoded_here(path)
    assert [number_of(pixels) for pixels in found.pictures] == [3, 4, 5]
    assert found.index is not None and found.index.unseen == ()
    whole = path.read_bytes()
    place = whole.index(b"iloc")
    offset_at = place + 4 + 4 + 2 + 2 + 2 + 2 + 2  # the only item's only extent
    (start,) = struct.unpack_from(">I", whole, offset_at)
    assert whole[start : start + 1] == b"\x12"  # a temporal unit of AV1 begins there
    moved = struct.pack(">I", len(whole))
    path.write_bytes(whole[:offset_at] + moved + whole[offset_at + 4 :] + whole[start:])
    found = decoded_here(path)
    assert [number_of(pixels) for pixels in found.pictures] == [3, 4, 5]
    assert found.index is not None and "video" in {track.kind for track in found.index.unseen}


def test_heic_sequences_are_seen(tmp_path: Path) -> None:
    """Their track is one of pictures, not of video."""
    whole = Case("mp4", "hevc", "5 a second", has_sound=False).build(tmp_path).read_bytes()
    place = whole.index(b"vide", whole.index(b"hdlr"))
    path = tmp_path / "sequence.heics"
    path.write_bytes(whole[:8] + b"msf1" + whole[12:place] + b"pict" + whole[place + 4 :])
    found = decoded_here(path)
    assert len(found.pictures) >= 8 and found.index is not None and found.index.unseen == ()


def test_pages_of_tiff_are_named(tmp_path: Path) -> None:
    """FFmpeg decodes the first one; anyone who turns the page sees the others."""
    first, *others = [Image.fromarray(coded_picture(number, 160, 96)) for number in range(4)]
    path = tmp_path / "pages.tiff"
    first.save(path, save_all=True, append_images=others)
    found = decoded_here(path)
    assert [number_of(pixels) for pixels in found.pictures] == [0]
    assert found.index is not None
    assert [(track.kind, track.codec) for track in found.index.unseen] == [("video", "tiff page")] * 3
    first.save(path)
    single = decoded_here(path)
    assert single.index is not None and single.index.unseen == ()


def test_thumbnails_of_tiff_are_seen(tmp_path: Path) -> None:
    """A page that shows the first one again, smaller, is none that nobody looked at; another picture is, and so is the
    same one with a detail more, or in more detail."""
    picture = Image.fromarray(coded_picture(1, 640, 384))
    small, other = picture.resize((160, 96)), Image.fromarray(coded_picture(2, 160, 96))
    changed = small.copy()
    changed.paste((200, 30, 30), (60, 40, 80, 60))
    path, found = tmp_path / "a.tiff", {}
    for name, pages in {"small": [small], "other": [other], "both": [small, other], "changed": [changed]}.items():
        picture.save(path, save_all=True, append_images=pages)
        found[name] = len(indexed_here(path).unseen)
    small.save(path, save_all=True, append_images=[picture])
    found["larger"] = len(indexed_here(path).unseen)
    assert found == {"small": 0, "other": 1, "both": 1, "changed": 1, "larger": 1}


def test_pages_of_tiff_that_refer_to_each_other_end(tmp_path: Path) -> None:
    """A directory that names itself as the next one is read once."""
    path = tmp_path / "endless.tiff"
    Image.fromarray(coded_picture(0, 160, 96)).save(path)
    whole = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<I", whole, 4)
    (num_entries,) = struct.unpack_from("<H", whole, start)
    struct.pack_into("<I", whole, start + 2 + 12 * num_entries, start)
    path.write_bytes(whole)
    found = decoded_here(path)
    assert found.index is not None and found.index.unseen == ()


@pytest.mark.parametrize(("start", "name"), [(b"\x8aMNG", "MNG"), (b"\x8bJNG", "JNG")])
def test_retired_formats_are_named(start: bytes, name: str, tmp_path: Path) -> None:
    """Nothing reads them, and the message says what to do."""
    path = tmp_path / "old"
    path.write_bytes(start + b"\r\n\x1a\n" + bytes(range(256)) * 4)
    failure = decoded_here(path).failure
    assert failure is not None and failure.cause == "media-unreadable"
    assert name in failure.message and "convert" in failure.message


def test_a_last_slide_at_the_very_end_is_looked_for() -> None:
    """Evenly distributed slides of which the last is shown for a moment: it gets a time of its own, a film's last
    picture does not."""
    slides = [float(number) for number in range(9)]
    assert spread(8, 0.0, 8.02, slides)[-1] == 8.0
    assert [int(time) for time in spread(9, 0.0, 8.02, slides)] == list(range(9))
    film = [number / 25 for number in range(192)]
    assert len(spread(8, 0.0, 7.68, film)) == 8

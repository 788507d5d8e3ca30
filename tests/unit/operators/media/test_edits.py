"""Edits of MP4: parts, orders, pauses, ends and rates are what a player shows, and nothing shown is left out."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from operators.media.containers import MediaFile
from operators.media.edits import take_edits
from operators.media.plan import PlanPolicy
from operators.media.progressive_file import ProgressiveFile
from operators.media.tracks import SPEECH_HZ
from tests.boxes import box, found_box, with_box, with_long_size
from tests.corpus.cases import STRUCTURES, Case
from tests.corpus.coded import number_of, write_coded
from tests.decoded_here import DecodedHere, decoded_here
from tests.edits import EMPTY, Edit, with_edits
from tests.hostile_media import ten_million_frames, write_video
from tests.indexed_here import indexed_here

SECONDS = 20
RATE = 25
HALF_A_PICTURE_SECONDS = 0.021
BORDER_SECONDS = 0.085
"""FFmpeg moves the parts behind the first by up to two pictures, where pictures are stored in another order."""
LISTS: dict[str, list[Edit]] = {
    "the whole": [Edit(0, 20)],
    "a beginning": [Edit(0, 18.2)],
    "an end": [Edit(1.4, 18.6)],
    "a middle": [Edit(1, 18.2)],
    "two parts": [Edit(1, 8), Edit(9.6, 10.4)],
    "many parts": [Edit(2.0 * number, 2.0) for number in range(10)],
    "two parts in reverse order": [Edit(12, 7.5), Edit(0.4, 11.6)],
    "a part twice": [Edit(4, 5), Edit(0, 20)],
    "a pause, then the whole": [Edit(EMPTY, 3), Edit(0, 20)],
    "a pause, then a part": [Edit(EMPTY, 1), Edit(1.6, 18.4)],
}
HIDING: dict[str, list[Edit]] = {
    "a beginning": [Edit(0, 8)],
    "an end": [Edit(7.4, 12.6)],
    "a moment": [Edit(0, 0.1)],
    "nothing": [Edit(0, 0)],
    "parts that leave out the middle": [Edit(0, 2), Edit(19, 1)],
    "one part ten times": [Edit(4, 2)] * 10,
}
"""More is cut off than a film has that was cut at a keyframe."""


def _expected(edits: Sequence[Edit]) -> list[tuple[float, int]]:
    """When each picture is shown, by the standard; a file's timeline begins with its first picture or sound."""
    shown, begin = [], 0.0
    for edit in edits:
        if edit.media_seconds == EMPTY:
            begin -= edit.seconds
        else:
            for number in range(SECONDS * RATE):
                late = number / RATE - edit.media_seconds
                if -1e-6 <= late < edit.seconds - 1e-6:
                    shown.append((begin + late, number))
        begin += edit.seconds
    return shown


def _edited(folder: Path, edits: Sequence[Edit], gop: str, sound: bool, long: bytes = b"") -> DecodedHere:
    plain = folder / "plain.mp4"
    write_coded(
        plain,
        times_ms=[number * 1000 // RATE for number in range(SECONDS * RATE)],
        codec="libx264",
        options={"preset": "ultrafast", "crf": "20", "g": gop, "bf": "2"},
        size=(160, 96),
        sound_codec="aac" if sound else None,
        sound_seconds=SECONDS,
        flags={},
        is_even=True,
    )
    both = {"vide": edits, "soun": edits} if sound else {"vide": edits}
    path = with_edits(plain, folder / "edited.mp4", **both)
    path.write_bytes(with_long_size(path.read_bytes(), long))
    return decoded_here(path)


@pytest.mark.parametrize("gop", ["12", "250"])
@pytest.mark.parametrize("name", LISTS)
def test_what_is_sampled_is_what_the_edits_show(name: str, gop: str, tmp_path: Path) -> None:
    """Each sampled picture at its time, all of the timeline, and a duration of what is presented."""
    edits = LISTS[name]
    found, expected = _edited(tmp_path, edits, gop, sound=True), _expected(edits)
    assert found.failure is None and found.index is not None and found.index.video is not None
    num_parts = sum(edit.media_seconds != EMPTY for edit in edits)
    limit = HALF_A_PICTURE_SECONDS if num_parts == 1 else BORDER_SECONDS
    for seconds, pixels in zip(found.seconds, found.pictures, strict=True):
        number = number_of(pixels)
        nearest = min((abs(time - seconds) for time, shown in expected if shown == number), default=99.0)
        assert nearest <= limit, f"picture {number} at {seconds:.3f} s"
    presented = sum(edit.seconds for edit in edits if edit.media_seconds != EMPTY)
    video = found.index.video
    assert video.start_seconds + video.duration_seconds == pytest.approx(presented, abs=0.1)
    gaps = [after - before for before, after in pairwise(found.seconds)]
    assert max(gaps) < 1.7
    assert found.seconds[-1] > presented - 1.2
    assert found.receipt is not None and found.receipt.coverage_ratio > 0.97
    assert found.seconds[0] < 1.0


def test_what_is_cut_off_is_neither_shown_nor_counted(tmp_path: Path) -> None:
    """As little as is between two keyframes."""
    found = _edited(tmp_path, [Edit(1.6, 18)], "50", sound=False)
    assert found.index is not None and found.index.video is not None
    assert min(number_of(pixels) for pixels in found.pictures) >= 1.6 * RATE
    assert all(-0.05 <= seconds <= 18.0 for seconds in found.index.video.keyframe_seconds)


@pytest.mark.parametrize("name", HIDING)
def test_edits_that_hide_much_hide_nothing(name: str, tmp_path: Path) -> None:
    """Players that leave edits out show all, so all is looked at, and all of the sound is heard."""
    found = _edited(tmp_path, HIDING[name], "25", sound=True)
    _assert_nothing_is_hidden(found)
    assert len(found.speech) / SPEECH_HZ == pytest.approx(SECONDS, abs=0.2)
    assert found.receipt is not None and found.receipt.video is not None and found.receipt.audio is not None
    assert min(found.receipt.video.seen_ratio, found.receipt.audio.seen_ratio) > 0.95


def _with_junk_ahead(whole: bytes) -> bytes:
    """A file need not begin with its type."""
    return whole.replace(b"ftyp", b"junk", 1)


def _with_two_lists(whole: bytes) -> bytes:
    """FFmpeg takes the last one."""
    short = found_box(whole, "moov/trak/edts/elst")
    long = short[:8] + struct.pack(">I", 20_000) + short[12:]
    return with_box(whole, "moov/trak/edts", box(b"elst", long) + box(b"elst", short) + box(b"elst", long))


def _with_two_lists_the_short_one_last(whole: bytes) -> bytes:
    return with_box(_with_two_lists(whole), "moov/trak/edts", box(b"elst", found_box(whole, "moov/trak/edts/elst")))


@pytest.mark.parametrize("changed", [_with_junk_ahead, _with_two_lists, _with_two_lists_the_short_one_last])
def test_edits_that_are_hidden_themselves_hide_nothing(changed: Callable[[bytes], bytes], tmp_path: Path) -> None:
    """Wherever they stand."""
    plain = write_video(tmp_path / "plain.mp4", num_frames=100, index_first=False)
    path = with_edits(plain, tmp_path / "edited.mp4", vide=[Edit(0, 0.1)])
    path.write_bytes(changed(path.read_bytes()))
    index = indexed_here(path)
    assert index.video is not None and index.video.num_packets == 100


def test_an_edit_of_the_sound_alone_hides_nothing(tmp_path: Path) -> None:
    """Of pictures as they are."""
    plain = write_video(tmp_path / "plain.mp4", num_frames=100, sound_seconds=4.0, index_first=False)
    found = decoded_here(with_edits(plain, tmp_path / "edited.mp4", soun=[Edit(0, 0.2)]))
    assert len(found.speech) / SPEECH_HZ == pytest.approx(4.0, abs=0.2)


def test_a_list_of_very_many_edits_is_read_once(tmp_path: Path) -> None:
    """A crafted file costs what any other costs."""
    plain = write_video(tmp_path / "plain.mp4", num_frames=25, index_first=False)
    path = with_edits(plain, tmp_path / "edited.mp4", vide=[Edit(0, 0.04)] * 40_000)
    with path.open("rb") as file:
        reads: list[int] = []
        media = MediaFile(file.fileno(), path.stat().st_size, 10**6)
        media.arriving = ProgressiveFile(
            file.fileno(),
            media.size_bytes,
            read_at=lambda fd, size, place: reads.append(size) or os.pread(fd, size, place),
        )
        take_edits(media)
    assert media.edit_options == {"ignore_editlist": "1"} and len(reads) < 10


def test_parts_of_a_long_film_are_found_by_seeks(tmp_path: Path) -> None:
    """Moments of a film of two parts, the later one first: each picture at its time, and both parts are looked at."""
    plain, edits = tmp_path / "plain.mp4", [Edit(100, 100), Edit(1, 99)]
    write_coded(
        plain,
        times_ms=[number * 200 for number in range(1000)],
        codec="libx264",
        options={"preset": "ultrafast", "crf": "20", "g": "25", "bf": "0"},
        size=(160, 96),
        sound_codec=None,
        sound_seconds=0.0,
        flags={},
        is_even=False,
    )
    policy = PlanPolicy(full_decode_max_packets=100)
    found = decoded_here(with_edits(plain, tmp_path / "edited.mp4", vide=edits), policy)
    shown = [(seconds, number_of(pixels)) for seconds, pixels in zip(found.seconds, found.pictures, strict=True)]
    for seconds, number in shown:
        expected = 100 + seconds if seconds < 99.9 else 1 + seconds - 100
        assert number / 5 == pytest.approx(expected, abs=0.25)
    assert len(shown) >= 40
    assert max(after - before for before, after in pairwise(found.seconds)) < 12


@pytest.mark.parametrize("structure", ["slides", "1 a second"])
def test_a_picture_that_stands_when_an_edit_begins_is_seen(structure: str, tmp_path: Path) -> None:
    """Players show it to its end; all other pictures stay where they are to the sound."""
    found = decoded_here(Case("mov", "h264", structure, "trimmed").build(tmp_path))
    expected = [time / 1000 for time in STRUCTURES[structure]]
    for seconds, pixels in zip(found.seconds, found.pictures, strict=True):
        assert seconds == pytest.approx(expected[number_of(pixels)], abs=0.02)
    assert number_of(found.pictures[0]) == 0


@pytest.mark.parametrize("rate", [0.5, 2.0])
def test_a_changed_rate_hides_nothing(rate: float, tmp_path: Path) -> None:
    """Players differ in whether they follow rates, so all pictures that one of them shows are looked at."""
    _assert_nothing_is_hidden(_edited(tmp_path, [Edit(0, SECONDS / rate, rate)], "25", sound=False))


@pytest.mark.parametrize("long", [b"moov", b"mvhd", b"trak"])
def test_a_box_with_a_size_of_64_bits_hides_no_edits(long: bytes, tmp_path: Path) -> None:
    """Be it around the edits, or in front of them."""
    _assert_nothing_is_hidden(_edited(tmp_path, [Edit(0, SECONDS / 2, 2.0)], "25", sound=False, long=long))


def _assert_nothing_is_hidden(found: DecodedHere) -> None:
    numbers = sorted(number_of(pixels) for pixels in found.pictures)
    assert numbers[0] < RATE and numbers[-1] > (SECONDS - 1.5) * RATE
    assert max(after - before for before, after in pairwise(numbers)) <= 1.7 * RATE


def test_samples_that_no_file_could_hold_are_not_hidden(tmp_path: Path) -> None:
    """A count of ten million in the place of thirty: the edit shows all that is there."""
    found = decoded_here(ten_million_frames(tmp_path / "million.mov"))
    assert found.receipt is not None and found.receipt.video is not None
    assert found.receipt.video.seen_ratio == 1.0

"""What a container needs to be played has a size; what hides in a structure beyond it is named, wherever that is.

The other direction is in `test_healthy_containers.py`.
"""

from __future__ import annotations

import struct
import time
from pathlib import Path

import numpy as np
import pytest

from operators.media.ledgers import budget, sections, transport
from operators.media.ledgers.ledger import Ledger
from tests.container_parts import (
    element,
    flv_tag,
    in_riff,
    in_segment,
    packets,
    png_chunk,
    riff_chunk,
    section,
    segment,
    with_index,
)
from tests.fuzz.containers import walked
from tests.hostile_media import write_sound, write_video
from tests.indexed_here import hidden_bytes, unseen_bytes

NOISE = np.random.default_rng(9).bytes(300_000)
"""As good as a clip."""
MOST = 230_000


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """One of each container."""
    folder, found = tmp_path_factory.mktemp("clips"), {}
    for name, codec in (("a.mkv", "libx264"), ("a.avi", "mpeg4"), ("a.ts", "libx264"), ("a.flv", "flv1")):
        found[name] = write_video(folder / name, num_frames=25, codec=codec).read_bytes()
    found["a.wav"] = write_sound(folder / "a.wav", seconds=0.5).read_bytes()
    found["a.png"] = write_video(folder / "a.png", num_frames=1, codec="png", pixel_format="rgb24").read_bytes()
    still = {"codec": "mjpeg", "pixel_format": "yuvj420p"}
    found["a.jpg"] = write_video(folder / "a.jpg", num_frames=1, **still).read_bytes()  # type: ignore[arg-type]
    found["a.gif"] = write_video(folder / "a.gif", num_frames=1, codec="gif", pixel_format="rgb8").read_bytes()
    return found


def hidden(path: Path, content: bytes) -> int:
    """Bytes of no stream."""
    path.write_bytes(content)
    return hidden_bytes(path)


def _cluster(*blocks: bytes) -> bytes:
    return element(b"\x1f\x43\xb6\x75", element(b"\xe7", b"\1") + b"".join(blocks))


def _block(body: bytes) -> bytes:
    return element(b"\xa1", b"\x81\0\0\0" + body)


MATROSKA = {
    "cues": element(b"\x1c\x53\xbb\x6b", NOISE),
    "chapters of noise": element(b"\x10\x43\xa7\x70", NOISE),
    "a long chapter name": element(
        b"\x10\x43\xa7\x70", element(b"\x45\xb9", element(b"\xb6", element(b"\x80", element(b"\x85", NOISE))))
    ),
    "seek head": element(b"\x11\x4d\x9b\x74", NOISE),
    "checksum": element(b"\xbf", NOISE),
    "info": element(b"\x15\x49\xa9\x66", element(b"\x7b\xa9", NOISE)),
    "tracks": element(b"\x16\x54\xae\x6b", element(b"\xae", element(b"\xd7", b"\7") + element(b"\x63\xa2", NOISE))),
    "an unknown part of a track": element(b"\x16\x54\xae\x6b", element(b"\xae", element(b"\x4d\x4d", NOISE))),
    "an attachment that FFmpeg does not list": element(
        b"\x19\x41\xa4\x69",
        element(
            b"\x61\xa7", element(b"\x46\x6e", b"a") + element(b"\x46\x60", b"font/ttf") + element(b"\x46\x5c", NOISE)
        ),
    ),
    "a time stamp": _cluster(element(b"\xe7", NOISE)),
    "a checksum in a cluster": _cluster(element(b"\xbf", NOISE)),
    "codec state": _cluster(element(b"\xa0", _block(b"x") + element(b"\xa4", NOISE))),
    "a duration": _cluster(element(b"\xa0", _block(b"x") + element(b"\x9b", NOISE))),
    "block additions": _cluster(
        element(b"\xa0", _block(b"x") + element(b"\x75\xa1", element(b"\xa6", element(b"\xa5", NOISE))))
    ),
    "behind more elements than are walked": b"\xec\x80" * (budget.MAX_OTHERS + 10) + element(b"\xec", NOISE),
    "behind more elements of a description": element(
        b"\x15\x49\xa9\x66", b"\xec\x80" * (budget.MAX_OTHERS + 10) + element(b"\xec", NOISE)
    ),
}


class TestMatroska:
    """Elements with a name that are longer than what they stand for."""

    @pytest.mark.parametrize("name", MATROSKA)
    def test_names_hide_nothing(self, name: str, clips: dict[str, bytes], tmp_path: Path) -> None:
        """At the end of the segment."""
        assert hidden(tmp_path / "a.mkv", in_segment(clips["a.mkv"], MATROSKA[name])) >= MOST

    def test_the_header_of_the_file(self, clips: dict[str, bytes], tmp_path: Path) -> None:
        """And what is between it and the segment."""
        whole = clips["a.mkv"]
        start = whole.index(b"\x18\x53\x80\x67")
        assert hidden(tmp_path / "a.mkv", whole[:start] + element(b"\x4d\x4d", NOISE) + whole[start:]) >= MOST

    def test_a_track_of_a_kind_that_nobody_plays(self, clips: dict[str, bytes], tmp_path: Path) -> None:
        """FFmpeg has no stream of it, and numbers the others as if it were not there."""
        entry = element(b"\xae", element(b"\xd7", b"\x05") + element(b"\x83", b"\x20") + element(b"\x86", b"B_VOBBTN"))
        more = element(b"\x16\x54\xae\x6b", entry) + _cluster(element(b"\xa3", b"\x85\0\0\x80" + NOISE))
        assert hidden(tmp_path / "a.mkv", in_segment(clips["a.mkv"], more)) >= MOST

    def test_transparency_is_of_tracks_that_have_it(self) -> None:
        """Of those it is a picture as large as the other one; elsewhere it is none."""
        found = [_with_additions(alpha) for alpha in (b"\1", b"\0")]
        assert _stray_bytes(found[0]) == 0
        assert _stray_bytes(found[1]) >= MOST


def _with_additions(alpha: bytes) -> Ledger:
    video = element(b"\xe0", element(b"\x53\xc0", alpha))
    entry = element(b"\xae", element(b"\xd7", b"\1") + element(b"\x83", b"\1") + element(b"\x86", b"V_VP9") + video)
    addition = element(b"\x75\xa1", element(b"\xa6", element(b"\xee", b"\1") + element(b"\xa5", NOISE)))
    cluster = _cluster(element(b"\xa0", _block(b"x") + addition))
    whole = element(b"\x1a\x45\xdf\xa3", b"") + element(
        b"\x18\x53\x80\x67", element(b"\x16\x54\xae\x6b", entry) + cluster
    )
    return walked(b"m", whole)


WAVE = {
    "a second run of sound": riff_chunk(b"data", NOISE),
    "a format": riff_chunk(b"fmt ", NOISE),
    "a number": riff_chunk(b"fact", NOISE),
    "cue points": riff_chunk(b"cue ", NOISE),
    "loops": riff_chunk(b"smpl", NOISE),
    "chunks of AVI": riff_chunk(b"00dc", NOISE),
    "an index of AVI": riff_chunk(b"idx1", NOISE),
    "pictures of WebP": riff_chunk(b"VP8 ", NOISE),
}
AVI = {
    "many formats": riff_chunk(b"strf", NOISE[:10_000]) * 30,
    "a stream's name for no stream": riff_chunk(b"07dc", NOISE),
    "an index": riff_chunk(b"idx1", NOISE),
    "an index of a stream": riff_chunk(b"ix00", NOISE),
    "an index of indexes": riff_chunk(b"indx", NOISE),
    "a header": riff_chunk(b"avih", NOISE),
    "a format": riff_chunk(b"strf", NOISE),
    "the sound of WAV": riff_chunk(b"data", NOISE),
    "a name that begins as others do": riff_chunk(b"strx", NOISE),
    "behind more chunks than are walked": riff_chunk(b"fact", b"") * (budget.MAX_OTHERS + 10)
    + riff_chunk(b"JUNK", NOISE),
}


class TestRiff:
    """Chunks."""

    @pytest.mark.parametrize("name", WAVE)
    def test_names_hide_nothing_in_sound(self, name: str, clips: dict[str, bytes], tmp_path: Path) -> None:
        """Of WAV."""
        assert hidden(tmp_path / "a.wav", in_riff(clips["a.wav"], WAVE[name])) >= MOST

    @pytest.mark.parametrize("name", AVI)
    def test_names_hide_nothing_in_films(self, name: str, clips: dict[str, bytes], tmp_path: Path) -> None:
        """Of AVI."""
        assert hidden(tmp_path / "a.avi", in_riff(clips["a.avi"], AVI[name])) >= MOST

    def test_lists_in_lists(self, clips: dict[str, bytes], tmp_path: Path) -> None:
        """Deeper than any file has them nothing is looked at, and all is counted."""
        nest = NOISE
        for _ in range(1_500):
            nest = b"LIST" + struct.pack("<I", 4 + len(nest)) + b"rec " + nest
        assert hidden(tmp_path / "a.wav", in_riff(clips["a.wav"], nest)) >= MOST

    @pytest.mark.parametrize("kind", [b"ANMF", b"VP8 ", b"VP8L", b"ALPH"])
    def test_a_second_picture_of_a_still(self, kind: bytes) -> None:
        """WebP has one of each."""
        content = riff_chunk(b"VP8 ", b"abc") + riff_chunk(b"ALPH", b"abc") + riff_chunk(b"VP8L", b"ab")
        content = b"WEBP" + riff_chunk(b"VP8X", bytes(10)) + content + riff_chunk(kind, NOISE)
        found = walked(b"r", b"RIFF" + struct.pack("<I", len(content)) + content)
        assert _stray_bytes(found) >= MOST


class TestTransport:
    """Packets."""

    @pytest.mark.parametrize("pid", [0x03, 0x10, 0x11, 0x12, 0x15, 0x1F, 0x1FFB, 0x777])
    @pytest.mark.parametrize("begins", [False, True])
    def test_identifiers_hide_nothing(self, pid: int, begins: bool, clips: dict[str, bytes], tmp_path: Path) -> None:
        """Not those of tables either: what is in them has to be tables."""
        bodies = [NOISE[place : place + 184] for place in range(0, len(NOISE), 184)]
        more = b"".join(packets(pid, b"\0" + body[:183], begins=begins) for body in bodies)
        assert hidden(tmp_path / "a.ts", clips["a.ts"] + more) >= MOST

    def test_more_tables_than_any_program_has(self, clips: dict[str, bytes], tmp_path: Path) -> None:
        """Whole ones, with checksums that hold."""
        bodies = [NOISE[place : place + 1_000] for place in range(0, len(NOISE), 1_000)]
        more = b"".join(packets(0x12, b"\0" + section(0x4E, body), begins=True) for body in bodies)
        assert hidden(tmp_path / "a.ts", clips["a.ts"] + more) >= MOST

    def test_stuffing_in_front_of_payload(self, clips: dict[str, bytes], tmp_path: Path) -> None:
        """Adaptation fields of a known stream, without payload."""
        bodies = [NOISE[place : place + 182] for place in range(0, len(NOISE), 182)]
        more = b"".join(struct.pack(">BHBBB", 0x47, 0x100, 0x20, 183, 0) + body.ljust(182, b"\xff") for body in bodies)
        assert hidden(tmp_path / "a.ts", clips["a.ts"] + more) >= 0.6 * len(NOISE)

    @pytest.mark.parametrize("num_bytes", [1, 187, 1_000])
    def test_bytes_in_front_of_the_first_packet(self, num_bytes: int, clips: dict[str, bytes], tmp_path: Path) -> None:
        """They hide nothing of what follows."""
        more = b"".join(packets(0x777, NOISE[place : place + 184]) for place in range(0, len(NOISE), 184))
        path = tmp_path / "a.ts"
        assert hidden(path, b"\x01" * num_bytes + clips["a.ts"] + more) == pytest.approx(len(more), rel=0.1)

    def test_noise_between_packets(self, clips: dict[str, bytes], tmp_path: Path) -> None:
        """What is skipped is counted, and no more than that."""
        half = len(clips["a.ts"]) // 376 * 188
        found = hidden(tmp_path / "a.ts", clips["a.ts"][:half] + NOISE + clips["a.ts"][half:])
        assert found == pytest.approx(len(NOISE), abs=2_000)

    def test_behind_what_is_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A film among tables and packets of the stream, as far as a few places tell."""
        monkeypatch.setattr(transport, "MAX_READ_BYTES", 400 * 188)
        monkeypatch.setattr(transport, "SAMPLE_BYTES", 100 * 188)
        table = packets(0x12, b"\0" + section(0x4E, NOISE[:3_000]), begins=True)
        known = packets(0x100, NOISE[:50_000])
        film = b"".join(packets(0x777, b"\0\0\1\xe0" + NOISE[:40_000], begins=True) for _ in range(10))
        plain = (known + table) * 20
        assert walked(b"t", plain).num_stray_bytes == 0
        found = walked(b"t", plain + film + plain)
        assert found.num_stray_bytes == pytest.approx(len(film), rel=0.3)
        assert walked(b"t", plain + packets(0x1FFF, NOISE) + plain).num_stray_bytes >= MOST / 2

    def test_no_rhythm_is_all_unseen(self) -> None:
        """Where no packet follows on another nothing is known."""
        assert walked(b"t", b"\x01" * 5_000).num_stray_bytes == 5_000

    def test_a_rhythm_that_is_lost_too_often(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The search ends, and the rest counts as unseen."""
        monkeypatch.setattr(transport, "MAX_SLIPS", 3)
        run = packets(0x100, b"abc") * 6 + b"\x01" * 50
        found = walked(b"t", run * 20)
        assert found.num_stray_bytes >= 16 * len(run)

    def test_more_sections_than_are_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The rest counts as none."""
        monkeypatch.setattr(sections, "MAX_SECTIONS", 3)
        table = packets(0x11, b"\0" + section(0x42, NOISE[:150]), begins=True)
        assert walked(b"t", table * 3).num_stray_bytes == 0
        assert walked(b"t", table * 13).num_stray_bytes >= 1_000


FLV = {
    "a longer header": (b"", NOISE),
    "a kind that nobody knows": (flv_tag(21, NOISE), b""),
    "another codec": (flv_tag(9, b"\x27" + NOISE), b""),
    "another codec in the extended format": (flv_tag(9, b"\x91hvc1" + NOISE), b""),
    "many small scripts": (b"".join(flv_tag(18, NOISE[place : place + 400]) for place in range(0, 300_000, 400)), b""),
    "behind more tags than are walked": (
        flv_tag(18, b"") * (budget.MAX_OTHERS + 10) + flv_tag(9, b"\x27" + NOISE),
        b"",
    ),
}


@pytest.mark.parametrize("name", FLV)
def test_flv(name: str, clips: dict[str, bytes], tmp_path: Path) -> None:
    """Tags."""
    more, front = FLV[name]
    whole = clips["a.flv"]
    header = whole[:5] + struct.pack(">I", 9 + len(front)) + front
    assert hidden(tmp_path / "a.flv", header + whole[9:] + more) >= MOST


PNG = {
    "a critical chunk that nobody knows": png_chunk(b"ABCD", NOISE),
    "a colour table": png_chunk(b"PLTE", NOISE),
    "a date": png_chunk(b"tIME", NOISE),
    "frames of no animation": png_chunk(b"fdAT", NOISE),
    "a profile": png_chunk(b"iCCP", NOISE * 2),
}


class TestStills:
    """Chunks, segments and blocks."""

    @pytest.mark.parametrize("name", PNG)
    def test_png(self, name: str, clips: dict[str, bytes], tmp_path: Path) -> None:
        """In front of the end."""
        whole = clips["a.png"]
        place = whole.index(b"IDAT") - 4
        assert hidden(tmp_path / "a.png", whole[:place] + PNG[name] + whole[place:]) >= MOST

    def test_behind_the_end_behind_more_chunks_than_are_walked(self, clips: dict[str, bytes], tmp_path: Path) -> None:
        """The end is looked for."""
        whole = clips["a.png"]
        place = whole.index(b"IEND") - 4
        path = tmp_path / "a.png"
        path.write_bytes(whole[:place] + png_chunk(b"teXt", b"") * 200_010 + whole[place:] + NOISE)
        assert unseen_bytes(path)["trailing"] == len(NOISE)

    @pytest.mark.parametrize("marker", [0xDB, 0xC4, 0xF0, 0xDC])
    def test_tables_of_jpeg(self, marker: int, clips: dict[str, bytes]) -> None:
        """More of them than any picture has."""
        more = b"".join(segment(marker, NOISE[place : place + 60_000]) for place in range(0, len(NOISE), 60_000))
        whole = clips["a.jpg"]
        assert _stray_bytes(walked(b"j", whole[:2] + more + whole[2:])) >= MOST

    def test_more_segments_than_are_walked(self, clips: dict[str, bytes]) -> None:
        """Comments without end."""
        whole = clips["a.jpg"]
        found = walked(b"j", whole[:2] + segment(0xFE, b"") * 200_010 + whole[2:] + NOISE)
        assert _stray_bytes(found) >= MOST

    @pytest.mark.parametrize("label", [0xF9, 0x55])
    def test_blocks_of_gif(self, label: int, clips: dict[str, bytes], tmp_path: Path) -> None:
        """A control block is short, and others nobody knows."""
        blocks = b"".join(b"\xff" + NOISE[place : place + 255] for place in range(0, 299_000, 255))
        whole = clips["a.gif"]
        place = 13 + (3 << (whole[10] & 7) + 1 if whole[10] & 0x80 else 0)
        more = bytes([0x21, label]) + blocks + b"\0"
        assert hidden(tmp_path / "a.gif", whole[:place] + more + whole[place:]) >= MOST

    def test_a_listed_picture_that_is_none(self, clips: dict[str, bytes]) -> None:
        """The list of further pictures is believed where pictures are."""
        found = walked(b"j", with_index(clips["a.jpg"], NOISE))
        assert found.pictures == []
        assert found.end < MOST

    def test_a_profile_in_very_many_parts(self) -> None:
        """Work that grows with the square of their number would take a minute."""
        part = segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(36) + b"acsp")
        began = time.process_time()
        found = walked(b"j", b"\xff\xd8" + part * 80_000 + b"\xff\xd9")
        assert time.process_time() - began < 10
        assert len(found.described) > 0
        assert len(found.notes) == 0


def _stray_bytes(found: Ledger) -> int:
    return sum(stop - start for start, stop in found.strays)

"""What recorders, editors, phones and capture devices write names nothing that nobody looks at.

The other direction is in `test_structures.py`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from operators.media.ledgers import budget
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
from tests.decoded_here import decoded_here
from tests.fuzz.containers import walked
from tests.hostile_media import write_sound, write_video
from tests.indexed_here import hidden_bytes, indexed_here, unseen_bytes

NOISE = np.random.default_rng(10).bytes(300_000)


def _busy(path: Path, **options: object) -> Path:
    """Larger than what may be hidden, by far."""
    return write_video(path, num_frames=50, width=320, height=192, options={"b": "4000000"}, **options)  # type: ignore[arg-type]


class TestMatroska:
    """Cues, chapters, tags, attachments, checksums."""

    def test_all_that_a_muxer_writes(self, tmp_path: Path) -> None:
        """Of FFmpeg, with its checksums and its room for an index."""
        plain = _busy(tmp_path / "plain.mkv", sound_seconds=2.0)
        path = tmp_path / "a.mkv"
        flags = {"write_crc32": "1", "reserve_index_space": "50000", "cluster_time_limit": "200"}
        with av.open(str(plain)) as before, av.open(str(path), "w", container_options=flags) as after:
            after.set_chapters(
                [
                    {"id": n, "start": n * 100, "end": n * 100 + 99, "time_base": before.streams.video[0].time_base,
                     "metadata": {"title": f"Chapter {n} of a long talk"}}
                    for n in range(15)
                ]
            )  # fmt: skip
            after.metadata["comment"] = "what a tool writes " * 2_000
            streams = {stream.index: after.add_stream_from_template(stream) for stream in before.streams}
            for packet in before.demux():
                if packet.size:
                    packet.stream = streams[packet.stream.index]
                    after.mux(packet)
        assert indexed_here(path).unseen == ()

    def test_chapters_and_tables_of_other_muxers(self, tmp_path: Path) -> None:
        """A table of all clusters, a chapter a minute in two languages, a second table of contents."""
        whole = _busy(tmp_path / "a.mkv").read_bytes()
        names = b"".join(
            element(b"\x80", element(b"\x85", f"Kapitel {n}".encode() * 20) + element(b"\x43\x7c", b"ger"))
            for n in (1, 2)
        )
        atom = element(b"\xb6", element(b"\x73\xc4", NOISE[:8]) + element(b"\x91", NOISE[:8]) + names)
        chapters = element(b"\x10\x43\xa7\x70", element(b"\x45\xb9", element(b"\x45\xbc", NOISE[:8]) + atom * 120))
        seeks = element(b"\x4d\xbb", element(b"\x53\xab", b"\x1f\x43\xb6\x75") + element(b"\x53\xac", NOISE[:8]))
        path = tmp_path / "b.mkv"
        path.write_bytes(in_segment(whole, chapters + element(b"\x11\x4d\x9b\x74", seeks * 3)))
        assert indexed_here(path).unseen == ()

    def test_a_long_recording_with_a_table_of_all_its_keyframes(self) -> None:
        """Hours of it: samples do not use up what is allowed for all else, and one entry a block is allowed."""
        track = element(b"\xae", element(b"\xd7", b"\1") + element(b"\x83", b"\2") + element(b"\x86", b"A_OPUS"))
        block = b"\xa3" + (0x4000 | 64).to_bytes(2, "big") + b"\x81\0\0\x80" + NOISE[:60]
        cluster = element(b"\x1f\x43\xb6\x75", element(b"\xe7", b"\1") + block * 500)
        num_blocks = budget.MAX_OTHERS + 100_000
        cue = element(b"\xbb", element(b"\xb3", b"\1\2\3") + element(b"\xb7", element(b"\xf7", b"\1") + NOISE[:9]))
        body = element(b"\x16\x54\xae\x6b", track) + cluster * (num_blocks // 500)
        whole = element(b"\x1a\x45\xdf\xa3", b"") + element(
            b"\x18\x53\x80\x67", body + element(b"\x1c\x53\xbb\x6b", cue * num_blocks)
        )
        found = walked(b"m", whole)
        assert (len(found.strays), found.num_stray_bytes, found.num_data_bytes) == (0, 0, 0)

    @pytest.mark.parametrize("is_live", [False, True])
    def test_a_recording_that_was_interrupted(self, is_live: bool, tmp_path: Path) -> None:
        """Its last block is cut off."""
        path = _busy(tmp_path / "a.mkv", sound_seconds=2.0, is_live=is_live)
        path.write_bytes(path.read_bytes()[: -path.stat().st_size // 3])
        assert hidden_bytes(path) < 16_384


def _wave(
    size: int | None, data: int | None, *, behind: bytes = b"", ahead: bytes = b"", magic: bytes = b"RIFF"
) -> bytes:
    """Sound whose header states these lengths."""
    form = struct.pack("<HHIIHH", 1, 1, 48_000, 96_000, 2, 16)
    body = (
        b"WAVE" + ahead + riff_chunk(b"fmt ", form) + b"data" + struct.pack("<I", len(NOISE) if data is None else data)
    )
    body += NOISE + behind
    return magic + struct.pack("<I", len(body) if size is None else size) + body


_LONG = riff_chunk(b"ds64", struct.pack("<QQQI", 36 + 36 + len(NOISE), len(NOISE), len(NOISE) // 2, 0))
_NOTES = riff_chunk(b"bext", b"made with a recorder".ljust(858, b"\0")) + riff_chunk(b"iXML", b"<BWFXML/>" * 500)
_BEHIND = riff_chunk(b"LIST", b"INFO" + riff_chunk(b"ISFT", b"Lavf")) + riff_chunk(b"id3 ", b"ID3\3" + bytes(500))
WAVES = {
    "plain": _wave(None, None),
    "with notes": _wave(None, None, ahead=_NOTES, behind=_BEHIND),
    "with peaks and cue points": _wave(
        None, None, ahead=riff_chunk(b"JUNK", bytes(4_088)) + riff_chunk(b"fact", bytes(4)),
        behind=riff_chunk(b"cue ", NOISE[:2_404]) + riff_chunk(b"PEAK", NOISE[:24]) + riff_chunk(b"smpl", NOISE[:60])
        + riff_chunk(b"levl", NOISE[:20_000]),
    ),
    "interrupted, no length at all": _wave(0, 0),
    "interrupted, the header's own length": _wave(36, 0),
    "interrupted, the first length of all": _wave(36, None),
    "written to a pipe": _wave(0xFFFFFFFF, 0xFFFFFFFF),
    "interrupted in a chunk": _wave(None, len(NOISE) + 5_000),
    "RF64": _wave(0xFFFFFFFF, 0xFFFFFFFF, ahead=_LONG, magic=b"RF64"),
    "BW64": _wave(0xFFFFFFFF, 0xFFFFFFFF, ahead=_LONG, magic=b"BW64"),
    "RF64 with notes behind": _wave(
        0xFFFFFFFF, 0xFFFFFFFF, behind=_BEHIND, magic=b"RF64",
        ahead=riff_chunk(b"ds64", struct.pack("<QQQI", 0, len(NOISE), 0, 0)),
    ),
}  # fmt: skip


class TestRiff:
    """Interrupted recordings, long files, notes."""

    @pytest.mark.parametrize("name", WAVES)
    def test_sound(self, name: str, tmp_path: Path) -> None:
        """All that FFmpeg plays is accounted for."""
        path = tmp_path / "a.wav"
        path.write_bytes(WAVES[name])
        found = indexed_here(path)
        assert found.unseen == ()
        assert found.audio is not None and found.audio.duration_seconds == pytest.approx(3.125, abs=0.01)

    def test_sound_of_the_other_byte_order(self) -> None:
        """RIFX."""
        form = struct.pack(">HHIIHH", 1, 1, 48_000, 96_000, 2, 16)
        body = b"WAVEfmt " + struct.pack(">I", 16) + form + b"data" + struct.pack(">I", len(NOISE)) + NOISE
        found = walked(b"r", b"RIFX" + struct.pack(">I", len(body)) + body)
        assert (len(found.strays), found.end) == (0, 8 + len(body))

    @pytest.mark.parametrize("keep_riff", [False, True])
    def test_a_film_that_was_interrupted(self, keep_riff: bool, tmp_path: Path) -> None:
        """No length of its list of pictures, and no index."""
        path = _busy(tmp_path / "a.avi", codec="mpeg4", sound_seconds=2.0)
        whole = bytearray(path.read_bytes())
        movi = whole.index(b"movi") - 4
        whole[movi : movi + 4] = bytes(4)
        whole = whole[: whole.rindex(b"idx1")]
        whole[4:8] = struct.pack("<I", movi + 4) if keep_riff else bytes(4)
        path.write_bytes(whole)
        assert indexed_here(path).unseen == ()

    def test_a_film_of_a_camcorder(self) -> None:
        """DV names its chunks by no letters; others that come up later are none of it."""
        film = riff_chunk(b"00__", NOISE[:1_000]) * 20 + riff_chunk(b"01wb", NOISE[:1_000])
        bodies = [b"AVI " + riff_chunk(b"LIST", b"movi" + film + more) for more in (b"", riff_chunk(b"00zz", NOISE))]
        found = [walked(b"r", b"RIFF" + struct.pack("<I", len(body)) + body) for body in bodies]
        assert len(found[0].strays) == 0
        assert sum(stop - start for start, stop in found[1].strays) == len(NOISE)

    def test_a_film_of_several_parts(self, tmp_path: Path) -> None:
        """OpenDML: each with indexes of its own, repeats without bytes, and notes."""
        path = _busy(tmp_path / "a.avi", codec="mpeg4", sound_seconds=2.0)
        whole = in_riff(path.read_bytes(), riff_chunk(b"LIST", b"INFO" + riff_chunk(b"ISFT", b"a camera")))
        pictures = riff_chunk(b"00dc", NOISE[:3_000]) * 20 + riff_chunk(b"00dc", b"") * 20
        index = riff_chunk(b"ix00", bytes(24) + NOISE[:8] * 40) + riff_chunk(b"JUNK", bytes(900))
        body = b"AVIX" + riff_chunk(b"LIST", b"movi" + pictures + index)
        path.write_bytes(whole + b"RIFF" + struct.pack("<I", len(body)) + body)
        found = walked(b"r", path.read_bytes())
        assert hidden_bytes(path) < 16_384
        assert found.num_stray_bytes == 0
        assert found.end == len(whole) + 8 + len(body)


def _mixed(path: Path) -> bytes:
    return _busy(path, sound_seconds=2.0).read_bytes()


class TestTransport:
    """What receivers record."""

    def test_tables_of_a_broadcast(self, tmp_path: Path) -> None:
        """A guide to programmes next to the film, again and again."""
        whole = _mixed(tmp_path / "plain.ts")
        guide = [section(0x50, struct.pack(">HB", 7, number) + NOISE[number : number + 900]) for number in range(20)]
        clock = b"\x70\x70\x05" + NOISE[:5]
        parts = [guide[number : number + 1] for number in range(20)]
        more = b"".join(packets(0x12, b"\0" + b"".join(part), begins=True) for part in parts) * 20
        more += packets(0x14, b"\0" + clock, begins=True) * 50
        path = tmp_path / "a.ts"
        path.write_bytes(whole + more + whole)
        assert unseen_bytes(path) == {}

    @pytest.mark.parametrize("num_missing", [1, 100, 188 * 3 + 50])
    def test_bytes_that_were_lost(self, num_missing: int, tmp_path: Path) -> None:
        """In a few places."""
        whole = _mixed(tmp_path / "plain.ts")
        parts = [whole[place : place + 60_000] for place in range(0, len(whole), 60_000)]
        path = tmp_path / "a.ts"
        path.write_bytes(b"".join(part[num_missing:] if number else part for number, part in enumerate(parts)))
        assert unseen_bytes(path) == {}

    def test_a_recording_that_begins_in_a_packet(self, tmp_path: Path) -> None:
        """And ends in one."""
        path = tmp_path / "a.ts"
        path.write_bytes(_mixed(tmp_path / "plain.ts")[77:-90])
        assert unseen_bytes(path) == {}

    @pytest.mark.parametrize("size", [192, 204])
    def test_longer_packets(self, size: int, tmp_path: Path) -> None:
        """With a clock in front, of cameras and discs, or with a checksum behind, of receivers."""
        whole = _mixed(tmp_path / "plain.ts")
        rows = [whole[place : place + 188] for place in range(0, len(whole), 188)]
        path = tmp_path / "a.m2ts"
        path.write_bytes(b"".join(NOISE[:4] + row if size == 192 else row + NOISE[:16] for row in rows))
        assert unseen_bytes(path) == {}

    def test_stuffing(self, tmp_path: Path) -> None:
        """Of a constant rate: null packets, and packets of a clock alone."""
        clock = struct.pack(">BHBBB", 0x47, 0x100, 0x20, 183, 0x10) + NOISE[:6] + b"\xff" * 176
        path = tmp_path / "a.ts"
        path.write_bytes(_mixed(tmp_path / "plain.ts") + (packets(0x1FFF, b"\xff" * 184) + clock) * 2_000)
        assert unseen_bytes(path) == {}


class TestFlv:
    """Live streams as they are recorded."""

    def test_scripts_among_the_pictures(self, tmp_path: Path) -> None:
        """A time code next to each picture."""
        script = flv_tag(18, b"\2\0\4onFI\x08\0\0\0\2\0\2sd\2\0\x0a01-01-2026\0\0\x09")
        pictures = b"".join(flv_tag(9, b"\x12" + NOISE[:900], 40 * number) + script for number in range(12_000))
        found = walked(b"f", b"FLV\1\1\0\0\0\x09\0\0\0\0" + pictures)
        assert len(found.strays) == len(found.notes) == found.num_stray_bytes == 0
        assert found.num_data_bytes < 0.1 * len(pictures)

    def test_hours_of_it(self) -> None:
        """Samples do not use up what is allowed for all else."""
        tag = flv_tag(8, b"\x2f" + NOISE[:100])
        num_tags = budget.MAX_OTHERS + 50_000
        found = walked(b"f", b"FLV\1\4\0\0\0\x09\0\0\0\0" + tag * num_tags + flv_tag(21, NOISE))
        assert sum(stop - start for start, stop in found.strays) == pytest.approx(len(NOISE), abs=100)

    @pytest.mark.parametrize("ratio", [0.5, 0.9])
    def test_a_stream_that_was_cut_off(self, ratio: float, tmp_path: Path) -> None:
        """In the middle of a tag."""
        path = _busy(tmp_path / "a.flv", codec="flv1", sound_seconds=2.0)
        path.write_bytes(path.read_bytes()[: int(ratio * path.stat().st_size)])
        assert unseen_bytes(path) == {}


def _photo(path: Path, size: int = 64) -> bytes:
    picture = np.random.default_rng(size).integers(0, 255, (size, size, 3), np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=1, options={"qscale": "2"})
        stream.width = stream.height = size
        stream.pix_fmt = "yuvj420p"
        for frame in (av.VideoFrame.from_ndarray(picture, "rgb24"), None):
            container.mux(stream.encode(frame))
    whole = path.read_bytes()
    return whole[:2] + segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0") + whole[2:]


def _by_container(first: bytes, second: bytes, more: bytes = b"") -> bytes:
    """Ultra HDR of Android: notes list what follows."""
    film = (
        f'<Container:Item Item:Mime="video/mp4" Item:Semantic="MotionPhoto" Item:Length="{len(more)}"/>' if more else ""
    )
    notes = (
        "http://ns.adobe.com/xap/1.0/\0<x:xmpmeta><rdf:Seq><rdf:li rdf:parseType='Resource'>"
        '<Container:Item Item:Semantic="Primary" Item:Mime="image/jpeg"/></rdf:li><rdf:li rdf:parseType="Resource">'
        f'<Container:Item Item:Semantic="GainMap" Item:Mime="image/jpeg" Item:Length="{len(second)}"/></rdf:li>'
        f"{film}</rdf:Seq></x:xmpmeta>"
    )
    return first[:2] + segment(0xE1, notes.encode()) + first[2:] + second + more


def _by_trailer(first: bytes, second: bytes) -> bytes:
    """Cameras of Samsung: a list at the end."""
    name = b"DualShot_1"
    block = struct.pack("<HHI", 0, 0x0BD0, len(name)) + name + second
    listed = b"SEFH" + struct.pack("<IIHHII", 107, 1, 0, 0x0BD0, len(block), len(block))
    return first + block + listed + struct.pack("<I", len(listed)) + b"SEFT"


PHOTOS: dict[str, Callable[[bytes, bytes], bytes]] = {
    "multi-picture format": with_index,
    "Ultra HDR": _by_container,
    "both": lambda first, second: with_index(_by_container(first, b""), second),
    "Samsung": _by_trailer,
}


class TestStills:
    """What cameras write."""

    @pytest.mark.parametrize("name", PHOTOS)
    def test_further_pictures_of_a_photograph(self, name: str, tmp_path: Path) -> None:
        """They are named as pictures, for which the default policy does nothing."""
        first, second = _photo(tmp_path / "a.jpg"), _photo(tmp_path / "b.jpg", 160)
        path = tmp_path / "c.jpg"
        path.write_bytes(PHOTOS[name](first, second))
        assert [(track.kind, track.codec) for track in indexed_here(path).unseen] == [("picture", "jpeg")]
        assert unseen_bytes(path)["picture"] == pytest.approx(len(second), abs=0)

    def test_a_film_behind_a_gain_map_is_one(self, tmp_path: Path) -> None:
        """A motion photo: the film is still named."""
        film = write_video(tmp_path / "film.mp4", num_frames=25).read_bytes() + NOISE
        first, second = _photo(tmp_path / "a.jpg"), _photo(tmp_path / "b.jpg", 160)
        path = tmp_path / "c.jpg"
        path.write_bytes(_by_container(first, second, film))
        assert [(track.kind, track.codec) for track in indexed_here(path).unseen] == [
            ("picture", "jpeg"), ("trailing", "mp4"),
        ]  # fmt: skip

    def test_notes_of_a_drawing_program(self, tmp_path: Path) -> None:
        """Chunks of its own, which players may leave out."""
        path = write_video(tmp_path / "a.png", num_frames=1, codec="png", pixel_format="rgb24")
        whole = path.read_bytes()
        place = whole.index(b"IDAT") - 4
        more = b"".join(
            png_chunk(kind, NOISE[:20_000]) for kind in (b"mkBT", b"prVW", b"iCCP", b"caBX", b"eXIf", b"zTXt")
        )
        path.write_bytes(whole[:place] + more + whole[place:])
        assert indexed_here(path).unseen == ()

    def test_an_animated_png(self, tmp_path: Path) -> None:
        """Its frames are looked at."""
        path = write_video(tmp_path / "a.apng", num_frames=20, codec="apng", pixel_format="rgb24")
        assert indexed_here(path).unseen == ()

    def test_an_animated_gif(self, tmp_path: Path) -> None:
        """With a comment, and the notes of an editor."""
        path = write_video(tmp_path / "a.gif", num_frames=20, codec="gif", pixel_format="rgb8")
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + b"\x21\xfe\x05hello\0" + b"\x21\xff\x0bXMP DataXMP" + b"\x03abc\0" + b"\x3b")
        assert indexed_here(path).unseen == ()


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [("wav", "pcm_s24le"), ("wav", "pcm_f32le"), ("wav", "adpcm_ms"), ("ts", ""), ("flv", "flv1"), ("avi", "mjpeg"),
     ("avi", "libx264"), ("avi", "huffyuv"), ("webm", "libvpx-vp9"), ("mkv", "ffv1")],
)  # fmt: skip
def test_plain_files_of_ffmpeg(suffix: str, codec: str, tmp_path: Path) -> None:
    """Of codecs with headers of all kinds."""
    path = tmp_path / f"a.{suffix}"
    if suffix == "wav":
        write_sound(path, seconds=1.0, codec=codec)
    else:
        pixels = {"mjpeg": "yuvj420p", "huffyuv": "yuv422p"}.get(codec, "yuv420p")
        write_video(path, num_frames=25, codec=codec or "libx264", pixel_format=pixels)
    assert indexed_here(path).unseen == ()


class TestSizesOfTransportStreams:
    """They state no sizes: anyone who opens one reads packets until it knows."""

    @pytest.mark.parametrize("pts", [lambda number: number * 375, lambda number: number * 25 + 250])
    def test_pictures_that_are_far_apart_or_late(self, tmp_path: Path, pts: Callable[[int], int]) -> None:
        """Slides of 15 s each, and pictures that begin 10 s behind the sound, are read as any other."""
        path = write_video(tmp_path / "a.ts", num_frames=4, pts=pts, sound_seconds=20.0)
        found = decoded_here(path)
        assert (found.failure, len(found.pictures) >= 4) == (None, True)
        assert found.index is not None and found.index.video is not None
        assert (found.index.video.width, found.index.video.height) == (320, 180)

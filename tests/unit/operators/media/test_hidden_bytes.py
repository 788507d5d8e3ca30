"""Bytes inside a container that belong to none of its streams are named; what ordinary files leave there is not."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from operators.media.index import UnseenTrack
from tests.boxes import box, with_long_size
from tests.container_parts import element, in_segment, riff_chunk
from tests.decoded_here import decoded_here
from tests.hostile_media import remuxed, write_sound, write_video

NOISE = np.random.default_rng(8).bytes(200_000)
"""As good as a clip: no padding."""


def unseen(path: Path) -> tuple[UnseenTrack, ...]:
    """What nobody looks at."""
    found = decoded_here(path)
    assert found.index is not None, found.failure
    return found.index.unseen


def hidden_bytes(path: Path) -> int:
    """Bytes of no stream."""
    return sum(track.size_bytes for track in unseen(path) if track.kind == "hidden")


def _film(path: Path, **options: object) -> bytes:
    """A film of a second with sound, its index at the end or in front."""
    write_video(path, num_frames=25, sound_seconds=1.0, **options)  # type: ignore[arg-type]
    return path.read_bytes()


def _behind_last_box(path: Path, kind: bytes) -> Path:
    path.write_bytes(_film(path) + box(kind, NOISE))
    return path


def _in_media_data(path: Path) -> Path:
    """The table of contents is in front, so that nothing moves that it refers to."""
    whole = _film(path)
    start = whole.index(b"mdat") - 4
    assert start > whole.index(b"moov")
    path.write_bytes(whole[:start] + struct.pack(">I", len(whole) - start + len(NOISE)) + whole[start + 4 :] + NOISE)
    return path


def _media_data_to_the_end(path: Path) -> Path:
    """A length of 0 stands for the end of the file."""
    whole = _film(path)
    start = whole.index(b"mdat") - 4
    path.write_bytes(whole[:start] + bytes(4) + whole[start + 4 :] + NOISE)
    return path


def _inside_the_table(path: Path) -> Path:
    """An unknown box at the end of `moov`, in front of which nothing is referred to."""
    whole = _film(path, index_first=False)
    start = whole.index(b"moov") - 4
    size = int.from_bytes(whole[start : start + 4], "big")
    extra = box(b"abcd", NOISE)
    path.write_bytes(whole[:start] + struct.pack(">I", size + len(extra)) + whole[start + 4 :] + extra)
    return path


class TestMp4:
    """Boxes and samples."""

    @pytest.mark.parametrize("kind", [b"free", b"skip", b"wide", b"abcd"])
    def test_boxes_that_nobody_reads(self, kind: bytes, tmp_path: Path) -> None:
        """Free space with something in it."""
        assert hidden_bytes(_behind_last_box(tmp_path / "a.mp4", kind)) >= len(NOISE) - 512

    @pytest.mark.parametrize("build", [_in_media_data, _media_data_to_the_end, _inside_the_table])
    def test_bytes_that_no_track_refers_to(self, build: Callable[[Path], Path], tmp_path: Path) -> None:
        """Wherever they lie."""
        assert hidden_bytes(build(tmp_path / "a.mp4")) == pytest.approx(len(NOISE), abs=2048)

    def test_a_fragment_of_no_track_fails_the_file(self, tmp_path: Path) -> None:
        """FFmpeg refuses it; other players may go on."""
        plain = write_video(tmp_path / "plain.mp4", num_frames=50, options={"g": "10"})
        path = remuxed(plain, tmp_path / "a.mp4", options={"movflags": "frag_keyframe+empty_moov"})
        header = box(b"tfhd", struct.pack(">II", 0x020000, 77))
        run = box(b"trun", struct.pack(">IIiI", 0x201, 1, 0, len(NOISE)))
        path.write_bytes(path.read_bytes() + box(b"moof", box(b"traf", header + run)) + box(b"mdat", NOISE))
        assert decoded_here(path).failure is not None

    def test_a_film_in_free_space_is_named(self, tmp_path: Path) -> None:
        """With what it begins as."""
        clip = _film(tmp_path / "b.mp4", options={"crf": "1"}) + NOISE
        path = tmp_path / "a.mp4"
        path.write_bytes(_film(path) + box(b"free", clip))
        assert [(track.kind, track.codec) for track in unseen(path)] == [("hidden", "mp4")]

    @pytest.mark.parametrize("kind", [b"moov", b"trak", b"minf"])
    def test_a_box_with_a_size_of_64_bits(self, kind: bytes, tmp_path: Path) -> None:
        """What is inside is read as in any other box."""
        path = tmp_path / "a.mp4"
        path.write_bytes(with_long_size(_film(path, index_first=False), kind))
        assert unseen(path) == ()

    def test_a_second_table_of_contents(self, tmp_path: Path) -> None:
        """Another player may show what it lists."""
        path = tmp_path / "a.mp4"
        whole = _film(path)
        start = whole.index(b"moov") - 4
        size = int.from_bytes(whole[start : start + 4], "big")
        path.write_bytes(whole + whole[start : start + size])
        assert [track.kind for track in unseen(path)] == ["video"]

    @pytest.mark.parametrize(
        "extra",
        [
            box(b"free", bytes(3_000_000)),
            box(b"skip", b"\xff" * 500_000),
            box(b"uuid", bytes(16) + b"<x:xmpmeta> and so on </x:xmpmeta>\n" * 40_000),
            box(b"udta", box(b"thmb", NOISE[:150_000])),
            box(b"meta", NOISE[:100_000]),
            box(b"free", NOISE[:8_000]),
        ],
        ids=["padding", "another padding", "XMP", "thumbnail", "notes of a camera", "few bytes"],
    )
    def test_what_cameras_and_muxers_leave_is_not_named(self, extra: bytes, tmp_path: Path) -> None:
        """Padding of any length, text, and thumbnails of normal size."""
        path = tmp_path / "a.mp4"
        path.write_bytes(_film(path) + extra)
        assert unseen(path) == ()

    def test_metadata_beyond_what_cameras_write_is(self, tmp_path: Path) -> None:
        """Nobody needs a megabyte of it."""
        path = tmp_path / "a.mp4"
        path.write_bytes(_film(path) + box(b"udta", NOISE * 5))
        assert hidden_bytes(path) >= 900_000

    @pytest.mark.parametrize(
        "flags", ["frag_keyframe", "frag_keyframe+empty_moov", "frag_keyframe+default_base_moof", "dash"]
    )
    def test_fragments_refer_to_all_that_they_hold(self, flags: str, tmp_path: Path) -> None:
        """Whatever their offsets count from."""
        plain = write_video(tmp_path / "plain.mp4", num_frames=100, sound_seconds=4.0, options={"g": "10"})
        assert unseen(remuxed(plain, tmp_path / "a.mp4", options={"movflags": flags})) == ()

    def test_what_an_edit_hides_is_referred_to(self, tmp_path: Path) -> None:
        """Phones trim so."""
        plain = write_video(tmp_path / "plain.mp4", num_frames=250, width=640, height=368, options={"crf": "1"})
        assert unseen(remuxed(plain, tmp_path / "trim.mp4", video_seconds=-6.0)) == ()


def _live(path: Path) -> Path:
    return write_video(path, num_frames=50, sound_seconds=2.0, is_live=True)


class TestMatroska:
    """Elements and blocks."""

    @pytest.mark.parametrize("number", [b"\xec", b"\x4d\x4d"], ids=["Void", "unknown"])
    @pytest.mark.parametrize("is_live", [False, True])
    def test_elements_that_nobody_reads(self, number: bytes, is_live: bool, tmp_path: Path) -> None:
        """At the end of the segment, which states no length if it is live."""
        path, extra = tmp_path / "a.mkv", element(number, NOISE)
        path.write_bytes(_live(path).read_bytes() + extra if is_live else in_segment(_film(path), extra))
        assert hidden_bytes(path) >= len(NOISE) - 512

    def test_blocks_of_a_track_that_is_not_described(self, tmp_path: Path) -> None:
        """Players skip them."""
        path = tmp_path / "a.mkv"
        block = element(b"\xa3", b"\x89\0\0\x80" + NOISE)
        path.write_bytes(in_segment(_film(path), element(b"\x1f\x43\xb6\x75", element(b"\xe7", b"\1") + block)))
        assert hidden_bytes(path) >= len(NOISE) - 512

    def test_padding_is_not_named(self, tmp_path: Path) -> None:
        """Room for an index."""
        path = tmp_path / "a.mkv"
        path.write_bytes(in_segment(_film(path), element(b"\xec", bytes(300_000))))
        assert unseen(path) == ()

    @pytest.mark.parametrize(
        ("mimetype", "content", "kinds"),
        [
            ("font/ttf", b"\0\1\0\0" + NOISE, []),
            ("font/ttf", NOISE, ["attachment"]),
            ("image/jpeg", b"\xff\xd8\xff\xe0" + NOISE, ["picture"]),
            ("video/mp4", NOISE, ["attachment"]),
            ("application/octet-stream", NOISE, ["attachment"]),
        ],
    )
    def test_attachments(self, mimetype: str, content: bytes, kinds: list[str], tmp_path: Path) -> None:
        """Fonts that begin as such are ordinary; whatever else is called a font is not."""
        path = tmp_path / "a.mkv"
        names = element(b"\x46\x6e", b"a.bin") + element(b"\x46\x60", mimetype.encode())
        file = names + element(b"\x46\x5c", content) + element(b"\x46\xae", b"\1")
        attachments = element(b"\x19\x41\xa4\x69", element(b"\x61\xa7", file))
        whole = _film(path)
        cluster = whole.index(b"\x1f\x43\xb6\x75")
        path.write_bytes(in_segment(whole[:cluster] + attachments + whole[cluster:], b""))
        assert [track.kind for track in unseen(path)] == kinds


class TestOthers:
    """Chunks, packets, tags and stills."""

    @pytest.mark.parametrize("kind", [b"JUNK", b"abcd"])
    def test_chunks_that_nobody_reads(self, kind: bytes, tmp_path: Path) -> None:
        """Of sound."""
        path = write_sound(tmp_path / "a.wav", seconds=0.5)
        whole = path.read_bytes() + riff_chunk(kind, NOISE)
        path.write_bytes(whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:])
        assert hidden_bytes(path) >= len(NOISE) - 512

    @pytest.mark.parametrize("kind", [b"JUNK", b"07dc", b"abcd"])
    def test_chunks_among_the_pictures(self, kind: bytes, tmp_path: Path) -> None:
        """Of AVI: also of a stream that is not there."""
        path = tmp_path / "a.avi"
        write_video(path, num_frames=25, codec="mpeg4")
        whole = path.read_bytes()
        start = whole.index(b"idx1")
        movi = whole.index(b"movi") - 4
        size = struct.unpack_from("<I", whole, movi)[0]
        extra = riff_chunk(kind, NOISE)
        whole = whole[:movi] + struct.pack("<I", size + len(extra)) + whole[movi + 4 : start] + extra + whole[start:]
        path.write_bytes(whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:])
        assert hidden_bytes(path) >= len(NOISE) - 512

    @pytest.mark.parametrize("pid", [0x1FFF, 0x321], ids=["null packets", "of no programme"])
    def test_packets_of_no_stream(self, pid: int, tmp_path: Path) -> None:
        """Of a transport stream."""
        path = tmp_path / "a.ts"
        whole = _film(path)
        bodies = [NOISE[place : place + 184] for place in range(0, 180_000, 184)]
        path.write_bytes(whole + b"".join(struct.pack(">BHB", 0x47, pid, 0x10) + body for body in bodies))
        assert hidden_bytes(path) >= 150_000

    def test_a_stream_that_comes_up_late(self, tmp_path: Path) -> None:
        """Behind what is probed: nobody decodes it."""
        path = tmp_path / "a.ts"
        silent = write_video(tmp_path / "b.ts", num_frames=150).read_bytes()
        filler = (struct.pack(">BHB", 0x47, 0x1FFF, 0x10) + b"\xff" * 184) * 30_000
        write_video(path, num_frames=100, sound_seconds=4.0)
        path.write_bytes(silent + filler + path.read_bytes() + 8 * silent)  # its end is probed, too
        assert hidden_bytes(path) > 16_384

    def test_null_packets_are_not_named(self, tmp_path: Path) -> None:
        """Constant rates are filled so."""
        path = tmp_path / "a.ts"
        path.write_bytes(_film(path) + (struct.pack(">BHB", 0x47, 0x1FFF, 0x10) + b"\xff" * 184) * 2_000)
        assert unseen(path) == ()

    def test_tags_of_no_stream(self, tmp_path: Path) -> None:
        """Of FLV."""
        path = tmp_path / "a.flv"
        write_video(path, num_frames=25)
        tag = bytes([21]) + len(NOISE).to_bytes(3, "big") + bytes(7) + NOISE
        path.write_bytes(path.read_bytes() + tag + len(tag).to_bytes(4, "big"))
        assert hidden_bytes(path) >= len(NOISE) - 512

    @pytest.mark.parametrize(
        ("suffix", "codec", "pixel_format"),
        [("png", "png", "rgb24"), ("jpg", "mjpeg", "yuvj420p"), ("gif", "gif", "rgb8")],
    )
    def test_a_film_behind_a_still(self, suffix: str, codec: str, pixel_format: str, tmp_path: Path) -> None:
        """A motion photo, or a polyglot."""
        path = tmp_path / f"a.{suffix}"
        write_video(path, num_frames=1, codec=codec, pixel_format=pixel_format)
        clip = _film(tmp_path / "b.mp4") + NOISE
        path.write_bytes(path.read_bytes() + clip)
        assert [(track.kind, track.codec) for track in unseen(path)] == [("trailing", "mp4")]

    @pytest.mark.parametrize("suffix", ["wav", "avi", "webm", "mp4"])
    def test_an_archive_behind_a_film(self, suffix: str, tmp_path: Path) -> None:
        """Archives are read from their end."""
        path = tmp_path / f"a.{suffix}"
        if suffix == "wav":
            write_sound(path, seconds=0.5)
        else:
            codec = {"webm": "libvpx", "avi": "mpeg4"}.get(suffix, "libx264")
            write_video(path, num_frames=25, codec=codec)
        path.write_bytes(path.read_bytes() + b"PK\3\4" + NOISE)
        assert [(track.kind, track.codec) for track in unseen(path)] == [("trailing", "zip")]

    @pytest.mark.parametrize("suffix", ["mp4", "mp3"])
    def test_a_cover_is_named(self, suffix: str, tmp_path: Path) -> None:
        """Players show it next to the sound."""
        picture = write_video(tmp_path / "a.jpg", num_frames=1, codec="mjpeg", pixel_format="yuvj420p")
        path = tmp_path / f"a.{suffix}"
        with av.open(str(path), "w") as after, av.open(str(picture)) as before:
            sound = after.add_stream("libmp3lame" if suffix == "mp3" else "aac", rate=48_000)
            cover = after.add_stream_from_template(before.streams.video[0])
            cover.disposition = av.stream.Disposition.attached_pic
            samples = av.AudioFrame.from_ndarray(np.zeros((1, 48_000), np.float32), "fltp", "mono")
            samples.sample_rate = 48_000
            packet = next(packet for packet in before.demux() if packet.size)
            packet.stream = cover
            encoded = [*sound.encode(samples), *sound.encode()]
            after.mux(packet)
            after.mux(encoded)
        assert [(track.kind, track.codec) for track in unseen(path)] == [("picture", "mjpeg")]

"""What recorders, phones, packagers and players write into MP4 is not named as hidden."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from operators.media.containers import MediaFile
from operators.media.index import MediaIndex
from operators.media.ledgers.mp4 import mp4_ledger
from tests.boxes import box, boxes_of, table, with_box, with_long_size
from tests.hostile_media import remuxed, write_video
from tests.indexed_here import indexed_here

NOISE = np.random.default_rng(8).bytes(200_000)
NUM_LONG = 30_000
"""Pictures of a long film."""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of pictures and sound, the index at the end."""
    path = tmp_path_factory.mktemp("plain") / "a.mp4"
    return write_video(path, num_frames=100, sound_seconds=4.0, index_first=False, options={"g": "10"})


def _assert_healthy(index: MediaIndex) -> None:
    assert [track for track in index.unseen if track.kind != "picture"] == []
    assert index.video is not None and index.video.num_packets > 0


FLAGS = (
    "faststart", "frag_keyframe", "frag_keyframe+empty_moov", "frag_keyframe+default_base_moof",
    "frag_keyframe+empty_moov+omit_tfhd_offset", "frag_every_frame+empty_moov+omit_tfhd_offset",
    "frag_keyframe+separate_moof+omit_tfhd_offset", "frag_keyframe+delay_moov", "dash", "dash+delay_moov+global_sidx",
    "cmaf+delay_moov", "frag_every_frame+cmaf+negative_cts_offsets", "isml+frag_keyframe",
    "hybrid_fragmented", "hybrid_fragmented+frag_every_frame", "write_colr+prefer_icc", "use_metadata_tags",
    "skip_sidx+dash", "skip_trailer+frag_keyframe+empty_moov", "rtphint",
)  # fmt: skip


@pytest.mark.parametrize("flags", FLAGS)
def test_what_a_muxer_writes(flags: str, plain: Path, tmp_path: Path) -> None:
    """Fragments of any kind, with indexes and without, and recordings that got an index at their end."""
    options = {"movflags": flags, "write_prft": "wallclock"} if "cmaf" in flags else {"movflags": flags}
    _assert_healthy(indexed_here(remuxed(plain, tmp_path / "a.mp4", options=options)))


@pytest.mark.parametrize("suffix", ["mov", "ismv", "m4v", "3gp", "f4v"])
def test_kin_of_mp4(suffix: str, plain: Path, tmp_path: Path) -> None:
    """QuickTime, smooth streaming and others."""
    _assert_healthy(indexed_here(remuxed(plain, tmp_path / f"a.{suffix}")))


def _with_long_media_data(whole: bytes) -> bytes:
    """The size of 64 bits takes the place of a free box, as recorders leave one."""
    place = whole.index(b"mdat") - 4
    assert whole[place - 4 : place] == b"free"
    size = struct.unpack_from(">I", whole, place)[0]
    return whole[: place - 8] + struct.pack(">I4sQ", 1, b"mdat", size + 8) + whole[place + 8 :]


@pytest.mark.parametrize("kind", [b"moov", b"trak", b"stbl", b"mdat", b"udta"])
def test_sizes_of_64_bits(kind: bytes, plain: Path, tmp_path: Path) -> None:
    """Of any box."""
    path = tmp_path / "a.mp4"
    whole = plain.read_bytes()
    path.write_bytes(_with_long_media_data(whole) if kind == b"mdat" else with_long_size(whole, kind))
    _assert_healthy(indexed_here(path))


def _repeated(source: Path, path: Path, num_pictures: int, **options: str) -> Path:
    """A film of as many pictures, which are those of another one again and again."""
    with av.open(str(source)) as before, av.open(str(path), "w", container_options=dict(options)) as after:
        stream = after.add_stream_from_template(before.streams.video[0])
        packets = [
            (bytes(packet), packet.pts, packet.dts, packet.is_keyframe)
            for packet in before.demux(video=0)
            if packet.size
        ]
        base, ticks = before.streams.video[0].time_base, packets[1][2] - packets[0][2]
        for number in range(num_pictures):
            data, pts, dts, is_keyframe = packets[number % len(packets)]
            packet, turn = av.Packet(data), number // len(packets) * len(packets) * ticks
            packet.pts, packet.dts, packet.time_base, packet.is_keyframe = pts + turn, dts + turn, base, is_keyframe
            packet.duration, packet.stream = ticks, stream
            after.mux(packet)
    return path


@pytest.mark.parametrize("flags", ["", "faststart", "frag_keyframe+empty_moov", "hybrid_fragmented"])
def test_long_tables(flags: str, plain: Path, tmp_path: Path) -> None:
    """Of a film in which every tenth picture is a keyframe, and pictures are stored in another order than shown."""
    path = _repeated(plain, tmp_path / "a.mp4", NUM_LONG, **({"movflags": flags} if flags else {}))
    index = indexed_here(path)
    _assert_healthy(index)
    assert index.video is not None and index.video.num_packets == NUM_LONG


META = box(b"hdlr", bytes(8) + b"mdta" + bytes(13))
KEYS = table(b"keys", 40, b"".join(box(b"mdta", b"com.apple.quicktime.%d" % n) for n in range(40)))
VALUES = b"".join(
    struct.pack(">II", 8 + 24, n + 1) + box(b"data", struct.pack(">II", 1, 0) + b"somevalu") for n in range(40)
)
PHONE: dict[str, tuple[str, bytes]] = {
    "keys of a phone": ("moov", box(b"meta", META + KEYS + box(b"ilst", VALUES))),
    "place and maker": (
        "moov",
        box(b"udta", box(b"\xa9xyz", b"\0\x12\x15\xc7+52.5+013.4/") + box(b"\xa9mak", b"\0\5\x15\xc7Apple")),
    ),
    "a thumbnail": ("moov", box(b"udta", box(b"thmb", NOISE[:80_000]))),
    "an aperture": (
        "moov/trak",
        box(b"tapt", box(b"clef", bytes(12)) + box(b"prof", bytes(12)) + box(b"enof", bytes(12))),
    ),
    "a key of a licence": ("moov", box(b"pssh", bytes(4) + NOISE[:16] + struct.pack(">I", 3_000) + NOISE[:3_000])),
    "an object description": (
        "moov",
        box(b"iods", bytes.fromhex("0000000010808080070 04fffffffffff".replace(" ", ""))),
    ),
    "sample groups": ("moov/trak/mdia/minf/stbl", box(b"sgpd", b"\1\0\0\0roll" + struct.pack(">IIh", 2, 1, -1))),
    "sample dependencies": ("moov/trak/mdia/minf/stbl", box(b"sdtp", bytes(4) + NOISE[:100])),
    "padding": ("moov", box(b"free", bytes(400_000))),
}


@pytest.mark.parametrize("name", PHONE)
def test_what_phones_and_editors_write(name: str, plain: Path, tmp_path: Path) -> None:
    """Into the table of contents."""
    place, extra = PHONE[name]
    path = tmp_path / "a.mp4"
    path.write_bytes(with_box(plain.read_bytes(), place, extra))
    _assert_healthy(indexed_here(path))


@pytest.mark.parametrize("suffix", ["mp4", "mov", "m4a"])
def test_chapters(suffix: str, plain: Path, tmp_path: Path) -> None:
    """With their names."""
    path = tmp_path / f"a.{suffix}"
    with av.open(str(plain)) as before, av.open(str(path), "w", format="ipod" if suffix == "m4a" else suffix) as after:
        after.set_chapters(
            [
                {
                    "id": n,
                    "start": n * 100,
                    "end": n * 100 + 100,
                    "time_base": Fraction(1, 1000),
                    "metadata": {"title": f"part {n}"},
                }
                for n in range(40)
            ]
        )
        after.metadata.update(title="a film", comment="words " * 2_000)
        streams = {stream.index: after.add_stream_from_template(stream) for stream in before.streams}
        for packet in before.demux():
            if packet.size:
                packet.stream = streams[packet.stream.index]
                after.mux(packet)
    unseen = [track for track in indexed_here(path).unseen if track.kind != "text"]
    assert unseen == []


def _large_picture(folder: Path) -> bytes:
    pixels = np.random.default_rng(3).integers(0, 256, (1400, 1400, 3), np.uint8)
    path = folder / "a.jpg"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=1, options={"q": "2"})
        stream.width, stream.height, stream.pix_fmt = 1400, 1400, "yuvj420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        container.mux(stream.encode())
    return path.read_bytes()


def test_a_large_picture_on_the_cover(plain: Path, tmp_path: Path) -> None:
    """It is named as a picture, however long it is."""
    picture = _large_picture(tmp_path)
    assert len(picture) > 600_000
    data = box(b"data", struct.pack(">II", 13, 0) + picture)
    handler = box(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    meta = box(b"meta", bytes(4) + handler + box(b"ilst", box(b"covr", data)) + box(b"free", bytes(2_000)))
    path = tmp_path / "a.mp4"
    path.write_bytes(with_box(plain.read_bytes(), "moov", box(b"udta", meta)))
    assert [track.kind for track in indexed_here(path).unseen] == ["picture"]


def _between_fragments(whole: bytes, extra: bytes) -> bytes:
    """Before each `moof`; offsets of this kind of recording count from there."""
    return b"".join((extra if part.kind == b"moof" else b"") + part.whole for part in boxes_of(whole))


EVENT = b"\1\0\0\0" + struct.pack(">IQII", 1000, 0, 0, 1) + b"urn:scte:scte35:2013:bin\0\0" + NOISE[:80]
LIVE = {
    "events": box(b"emsg", EVENT) * 3,
    "clocks": box(b"prft", b"\1\0\0\x18" + struct.pack(">IQQ", 1, 77, 0)),
    "subsegments": box(b"ssix", struct.pack(">IIIII", 0, 1, 2, 0x10000, 0x20000)),
    "types": box(b"styp", b"msdh\0\0\0\0msdhmsix"),
    "padding": box(b"free", bytes(30)),
}
LIVE["all of them"] = b"".join(LIVE.values())


@pytest.mark.parametrize("name", LIVE)
def test_what_packagers_write_between_fragments(name: str, plain: Path, tmp_path: Path) -> None:
    """Of many short fragments."""
    path = _repeated(plain, tmp_path / "b.mp4", 3_000, movflags="cmaf+delay_moov+frag_every_frame")
    path.write_bytes(_between_fragments(path.read_bytes(), LIVE[name]))
    _assert_healthy(indexed_here(path))


def test_a_recording_that_a_recorder_finished(plain: Path, tmp_path: Path) -> None:
    """With a size of 64 bits in front of all of it, and free space between its parts."""
    path = remuxed(plain, tmp_path / "a.mp4", options={"movflags": "hybrid_fragmented+frag_every_frame"})
    whole = path.read_bytes()
    path.write_bytes(_with_long_media_data(whole))
    _assert_healthy(indexed_here(path))


def test_padding_between_samples_of_a_long_film(tmp_path: Path) -> None:
    """Cameras begin each chunk at a multiple of a sector."""
    num, size, sector = 20_000, 100, 512
    whole = box(b"ftyp", b"qt  \0\0\0\0qt  ") + box(b"mdat", (NOISE[:size] + bytes(sector - size)) * num)
    first = whole.index(b"mdat") + 4
    tables = (
        box(b"stsz", struct.pack(">III", 0, size, num)),
        table(b"stsc", 1, struct.pack(">III", 1, 1, 1)),
        table(b"stco", num, struct.pack(f">{num}I", *range(first, first + num * sector, sector))),
    )
    media = box(b"hdlr", bytes(8) + b"vide" + bytes(13)) + box(b"minf", box(b"stbl", b"".join(tables)))
    track = box(b"trak", box(b"tkhd", struct.pack(">IIII", 0, 0, 0, 1) + bytes(68)) + box(b"mdia", media))
    path = tmp_path / "a.mov"
    path.write_bytes(whole + box(b"moov", box(b"mvhd", bytes(100)) + track))
    with path.open("rb") as file:
        ledger = mp4_ledger(MediaFile(file.fileno(), path.stat().st_size, 10**6))
    assert list(ledger.strays) == [] and ledger.end == path.stat().st_size

"""A second view that is stored with the pictures, as in spatial video, is named: FFmpeg decodes the first one."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from operators.media.packet_copy import packet_copy
from tests.boxes import Box, box, found_box, with_box
from tests.hostile_media import write_video
from tests.indexed_here import indexed_here

SLICES = {"libx265": b"\x02\x09" + b"\x5a" * 200, "libx264": b"\x74\x00\x00\x00" + b"\x5a" * 200}
"""A unit of another layer: of HEVC with its number in the header, of H.264 of a type of its own."""
OPTIONS = {"libx265": {"x265-params": "log-level=0:pools=1:frame-threads=1"}, "libx264": {"bf": "0"}}


def _with_second_view(source: Path, path: Path, unit: bytes) -> Path:
    """The same packets, each with a unit of another layer behind it."""
    with av.open(str(source)) as before, av.open(str(path), "w") as after:
        stream = after.add_stream_from_template(before.streams.video[0])
        has_lengths = (before.streams.video[0].codec_context.extradata or b"\0")[0] == 1
        for packet in before.demux(video=0):
            if packet.size:
                prefix = len(unit).to_bytes(4, "big") if has_lengths else b"\0\0\0\1"
                copy = packet_copy(packet, bytes(packet) + prefix + unit)
                copy.is_keyframe, copy.stream = packet.is_keyframe, stream
                after.mux(copy)
    return path


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize("codec", ["libx265", "libx264"])
def test_a_second_view_is_named(codec: str, suffix: str, tmp_path: Path) -> None:
    """As a video track that nobody looked at, in every container; the same file without it has none."""
    plain = write_video(tmp_path / f"a.{suffix}", num_frames=10, codec=codec, options=OPTIONS[codec])
    assert indexed_here(plain).unseen == ()
    path = _with_second_view(plain, tmp_path / f"b.{suffix}", SLICES[codec])
    unseen = indexed_here(path).unseen
    assert [(track.kind, track.codec[:11]) for track in unseen] == [("video", "second view")]


RECORDS = {"libx265": b"lhvC", "libx264": b"mvcC"}


@pytest.mark.parametrize("codec", ["libx265", "libx264"])
def test_a_second_view_that_begins_later_is_named_for_its_record(codec: str, tmp_path: Path) -> None:
    """No examined packet has it: the sample entry says that there is one. An unknown box says nothing."""
    path = write_video(tmp_path / "a.mp4", num_frames=10, codec=codec, options=OPTIONS[codec], index_first=False)
    whole, record = path.read_bytes(), RECORDS[codec]
    path.write_bytes(_with_record(whole, b"zzzz"))
    assert indexed_here(path).unseen == ()
    path.write_bytes(_with_record(whole, record))
    assert [(track.kind, track.codec[:11]) for track in indexed_here(path).unseen] == [("video", "second view")]


def _with_record(whole: bytes, kind: bytes) -> bytes:
    """Put a box at the end of the only sample entry."""
    place = "moov/trak/mdia/minf/stbl/stsd"
    body = found_box(whole, place)
    entry = Box(body[12:16], body[16:] + box(kind, bytes(16)))
    return with_box(whole, place, box(b"stsd", body[:8] + entry.whole), instead=True)

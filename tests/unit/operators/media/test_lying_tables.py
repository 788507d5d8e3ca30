"""Headers and lists that state less than there is, and streams that only a key opens."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from operators.media.plan import PlanPolicy
from tests.corpus.coded import write_coded
from tests.decoded_here import decoded_here
from tests.hostile_media import write_video


def test_sound_behind_what_a_header_states_is_planned_for(tmp_path: Path) -> None:
    """Forty seconds of Matroska that state two: what is not heard of them lowers the planned share."""
    plain, path = tmp_path / "plain.mkv", tmp_path / "short.mkv"
    write_coded(
        plain,
        times_ms=[0, 1000],
        codec="libx264",
        options={},
        size=(160, 96),
        sound_codec="flac",
        sound_seconds=40.0,
        flags={},
        is_even=False,
    )
    whole = plain.read_bytes()
    start = whole.index(b"\x44\x89\x88") + 3
    whole = whole[:start] + struct.pack(">d", 2000.0) + whole[start + 8 :]
    path.write_bytes(re.sub(rb"00:00:\d\d\.\d{9}", b"00:00:02.000000000", whole))
    found = decoded_here(path, PlanPolicy(max_audio_seconds=10.0, num_audio_spans=5))
    assert found.index is not None and found.index.audio is not None
    assert found.index.audio.duration_seconds == pytest.approx(40.0, abs=0.2)
    starts = [span.start_seconds for span in found.spans]
    assert starts == pytest.approx([0.0, 9.5, 19.0, 28.5, 38.0], abs=0.2)
    assert found.receipt is not None and found.receipt.audio is not None
    assert found.receipt.audio.planned_ratio == pytest.approx(0.25, abs=0.01)


def test_long_sound_of_a_transport_stream_is_planned_in_part(tmp_path: Path) -> None:
    """Nothing states its length; the share is of what is there."""
    path = write_video(tmp_path / "long.ts", num_frames=500, sound_seconds=20.0)
    receipt = decoded_here(path, PlanPolicy(max_audio_seconds=5.0, num_audio_spans=5)).receipt
    assert receipt is not None and receipt.audio is not None
    assert receipt.audio.planned_ratio == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize("kind", ["video", "audio"])
def test_a_scrambled_stream_is_encrypted(kind: str, tmp_path: Path) -> None:
    """Conditional access scrambles what is in the packets and leaves their headers."""
    path = write_video(tmp_path / "scrambled.ts", num_frames=50, sound_seconds=2.0)
    whole, pid = bytearray(path.read_bytes()), 0x100 if kind == "video" else 0x101
    for place in range(0, len(whole), 188):
        if (whole[place + 1] & 0x1F) << 8 | whole[place + 2] == pid:
            whole[place + 3] |= 0x80
    path.write_bytes(whole)
    found = decoded_here(path)
    assert found.index is not None, found.failure
    fault = found.index.video_fault if kind == "video" else found.index.audio_fault
    assert fault is not None and fault.cause == "media-encrypted"


def test_pictures_that_a_list_leaves_out(tmp_path: Path) -> None:
    """AVI plays on behind them: a reader of the file sees them, a reader of the list does not."""
    path = write_video(
        tmp_path / "list.avi", num_frames=100, width=640, height=368, codec="mpeg4", options={"b": "8000000", "g": "5"}
    )
    whole = path.read_bytes()
    start = whole.index(b"idx1")
    size = struct.unpack_from("<I", whole, start + 4)[0] // 32 * 16
    header = whole.index(b"avih") + 8 + 16
    stream = whole.index(b"strh") + 8 + 32
    short = bytearray(whole[:start] + b"idx1" + struct.pack("<I", size) + whole[start + 8 : start + 8 + size])
    short[header : header + 4] = short[stream : stream + 4] = struct.pack("<I", size // 16)
    short[4:8] = struct.pack("<I", len(short) - 8)
    path.write_bytes(short)
    found = decoded_here(path)
    assert found.index is not None, found.failure
    assert [track.kind for track in found.index.unseen] == ["hidden"]
    assert found.index.unseen[0].size_bytes > 60_000

"""Undamaged files that were for a person by mistake: nothing of them is missing, and nothing counts as hidden.

Those of single containers are in `test_healthy_containers.py` and `test_healthy_mp4.py`.
"""

from __future__ import annotations

import gc
import struct
import zlib
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from operators.errors import InvalidMedia
from operators.media import containers
from operators.media.containers import MediaFile, give_back, take_container
from operators.media.spread import spread
from tests.container_parts import in_riff, png_chunk, riff_chunk, segment
from tests.decoded_here import DecodedHere, decoded_here
from tests.hostile_media import remuxed, write_sound, write_still, write_video
from tests.indexed_here import indexed_here

NOISE = np.random.default_rng(11).bytes(700_000)
PROFILE = struct.pack(">I", len(NOISE)) + b"lcms" + bytes(28) + b"acsp" + NOISE[:-40]
"""A colour profile of a printer, whose tables are large."""


def _seen(found: DecodedHere) -> None:
    """All of it."""
    assert found.failure is None
    assert found.index is not None and found.index.unseen == ()
    assert found.receipt is not None
    for seen in (found.receipt.video, found.receipt.audio):
        assert seen is None or min(seen.seen_ratio, seen.planned_ratio) >= 0.97


def _thermal(name: str) -> list[tuple[int, bytes]]:
    """Markers and bodies of segments with the readings of a sensor."""
    readings = (NOISE * 2)[: 640 * 512 * 2]
    if name == "raw":
        return [(0xE3, readings[place : place + 65_000]) for place in range(0, len(readings), 65_000)]
    whole = b"FFF\0" + readings
    parts = [whole[place : place + 65_000] for place in range(0, len(whole), 65_000)]
    return [(0xE1, b"FLIR\0\1" + bytes([number, len(parts) - 1]) + part) for number, part in enumerate(parts)]


@pytest.mark.parametrize("name", ["raw", "FLIR"])
def test_photographs_of_thermal_cameras(name: str, tmp_path: Path) -> None:
    """The readings of the sensor are named as another picture, and are not hidden; noise of that length is."""
    whole, path = write_still(tmp_path / "a.jpg").read_bytes(), tmp_path / "b.jpg"
    segments = _thermal(name)
    for bodies, kinds in ((segments, ["picture"]), ([(0xE3, body[9:]) for _, body in segments], ["hidden"])):
        path.write_bytes(whole[:2] + b"".join(segment(*each) for each in bodies) + whole[2:])
        assert [track.kind for track in indexed_here(path).unseen] == kinds


class TestColourProfiles:
    """Of printers and cameras, longer than other metadata may be."""

    def test_in_jpeg(self, tmp_path: Path) -> None:
        """In parts of 64 KiB."""
        whole, path = write_still(tmp_path / "a.jpg").read_bytes(), tmp_path / "b.jpg"
        parts = [PROFILE[place : place + 65_000] for place in range(0, len(PROFILE), 65_000)]
        segments = (segment(0xE2, b"ICC_PROFILE\0" + bytes([n + 1, len(parts)]) + part) for n, part in enumerate(parts))
        path.write_bytes(whole[:2] + b"".join(segments) + whole[2:])
        _seen(decoded_here(path))

    def test_in_png(self, tmp_path: Path) -> None:
        """Packed, and with a name: which FFmpeg's binding freed twice, so that the process died with the next file."""
        whole, path = write_still(tmp_path / "a.png").read_bytes(), tmp_path / "b.png"
        path.write_bytes(whole[:33] + png_chunk(b"iCCP", b"CMYK\0\0" + zlib.compress(PROFILE)) + whole[33:])
        for _ in range(3):
            _seen(decoded_here(path))
            gc.collect()

    def test_other_metadata_of_that_length_is_named(self, tmp_path: Path) -> None:
        """What only calls itself a profile."""
        whole, path = write_still(tmp_path / "a.png").read_bytes(), tmp_path / "b.png"
        path.write_bytes(whole[:33] + png_chunk(b"iCCP", b"CMYK\0\0" + zlib.compress(NOISE)) + whole[33:])
        assert [track.kind for track in indexed_here(path).unseen] == ["hidden"]


class TestWav:
    """What editors write next to the sound."""

    @pytest.mark.parametrize("block", [1, 2])
    def test_peaks_of_each_sample(self, block: int, tmp_path: Path) -> None:
        """Two numbers of 16 bits a sample, or for every second one."""
        whole, path = write_sound(tmp_path / "a.wav", seconds=4.0).read_bytes(), tmp_path / "b.wav"
        num_frames = 4 * 48_000 // block
        head = struct.pack("<IIIIIIII", 0, 2, 2, block, 2, num_frames, 0, 128) + bytes(96)
        peaks = (NOISE * 3)[: num_frames * 2 * 2 * 2]
        path.write_bytes(in_riff(whole, riff_chunk(b"levl", head + peaks)))
        _seen(decoded_here(path))

    def test_more_than_the_peaks_is_named(self, tmp_path: Path) -> None:
        """Behind the last one that the head states."""
        whole, path = write_sound(tmp_path / "a.wav", seconds=4.0).read_bytes(), tmp_path / "b.wav"
        head = struct.pack("<IIIIIIII", 0, 2, 2, 480, 2, 400, 0, 128) + bytes(96)
        path.write_bytes(in_riff(whole, riff_chunk(b"levl", head + NOISE)))
        assert [track.kind for track in indexed_here(path).unseen] == ["hidden"]


@pytest.mark.parametrize("rates", [(48_000, 24_000), (48_000, 48_000), (24_000, 48_000)])
def test_joined_mp3(rates: tuple[int, int], tmp_path: Path) -> None:
    """Two files one after the other, each with tags and a header about itself: the first header states its own part."""
    parts = []
    for number, rate in enumerate(rates):
        path = tmp_path / f"{number}.mp3"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mp3", rate=rate, options={"b": "64000" if number else "128000"})
            stream.layout = "mono"
            tone = np.sin(np.arange(6 * rate) / 20).astype(np.float32)
            for start in range(0, len(tone), 1024):
                frame = av.AudioFrame.from_ndarray(tone[None, start : start + 1024], "fltp", "mono")
                frame.sample_rate, frame.pts = rate, start
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        parts.append(path.read_bytes())
    joined = tmp_path / "joined.mp3"
    joined.write_bytes(b"".join(parts))
    found = decoded_here(joined)
    _seen(found)
    assert found.index is not None and found.index.audio is not None
    assert found.index.audio.duration_seconds == pytest.approx(12.0, abs=0.5)


def _decoded_from(folder: Path, whole: bytes, divisor: int, behind: bytes = b"") -> DecodedHere:
    """What is seen of a transport stream without the first of so many parts."""
    path = folder / "b.ts"
    path.write_bytes(whole[len(whole) // 188 // divisor * 188 :] + behind)
    return decoded_here(path)


@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
def test_a_recording_that_begins_between_keyframes(codec: str, tmp_path: Path) -> None:
    """Pictures before the first keyframe can be decoded by nobody: they are a loss of their own, and no damage."""
    options = {"g": "50", "bf": "2"}
    whole = write_video(tmp_path / "a.ts", num_frames=500, codec=codec, options=options).read_bytes()
    found = _decoded_from(tmp_path, whole, 16)
    assert found.receipt is not None and found.receipt.video is not None
    assert min(found.receipt.video.intact_ratio, found.receipt.video.achieved_ratio) > 0.99
    assert found.receipt.video.planned_ratio < 0.97
    assert 0.92 < found.receipt.video.seen_ratio < 0.97
    assert found.index is not None and found.index.video is not None
    assert 0.5 < found.index.video.lead_seconds < 2.0


@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
def test_a_recording_whose_first_group_is_long(codec: str, tmp_path: Path) -> None:
    """Where much of it is before the first keyframe, it has not been seen, however usual such groups are in the
    file."""
    options = {"g": "120", "bf": "0"}
    whole = write_video(tmp_path / "a.ts", num_frames=250, codec=codec, options=options).read_bytes()
    found = _decoded_from(tmp_path, whole, 10)
    assert found.receipt is not None and found.receipt.video is not None
    assert found.receipt.video.seen_ratio < 0.85


@pytest.mark.parametrize("codec", ["libx264", "mpeg1video", "mpeg2video"])
def test_a_second_that_begins_between_keyframes(codec: str, tmp_path: Path) -> None:
    """Though one picture represents all of it, packets that nobody can decode count as damaged."""
    options = {"g": "15", "bf": "0"}
    whole = write_video(tmp_path / "a.ts", num_frames=25, codec=codec, options=options).read_bytes()
    found = _decoded_from(tmp_path, whole, 8)
    assert found.receipt is not None and found.receipt.video is not None
    assert found.receipt.video.seen_ratio < 0.6


def test_a_recording_without_its_first_half_is_for_a_person(tmp_path: Path) -> None:
    """A lead that is longer than the usual distance of keyframes is no rest of a group: it counts as damaged."""
    options = {"g": "500", "bf": "0"}
    whole = write_video(tmp_path / "a.ts", num_frames=100, options=options).read_bytes()
    tail = write_video(tmp_path / "c.ts", num_frames=100, options={"g": "10", "bf": "0"}, pts=lambda n: n + 100)
    found = _decoded_from(tmp_path, whole, 10, behind=tail.read_bytes())
    assert found.receipt is not None and found.receipt.video is not None
    assert found.receipt.video.seen_ratio < 0.92


B_FRAMES = {"mpeg4": {"bf": "2"}, "libx264": {"bf": "3", "b_strategy": "0"}}


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [("mpeg4", "mp4"), ("mpeg4", "mkv"), ("mpeg4", "asf"), ("libx264", "mp4"), ("libx264", "mkv")],
)
def test_copied_out_of_avi(codec: str, suffix: str, tmp_path: Path) -> None:
    """Packets keep the times at which they are decoded: no picture that is shown between two others is lost."""
    source = write_video(tmp_path / "a.mp4", num_frames=100, codec=codec, options=B_FRAMES[codec])
    path = tmp_path / f"b.{suffix}"
    with av.open(str(source)) as before, av.open(str(path), "w") as after:
        stream = after.add_stream_from_template(before.streams.video[0])
        for number, packet in enumerate(p for p in before.demux(video=0) if p.size):
            packet.pts = packet.dts = round(number / 25 / packet.time_base)
            packet.stream = stream
            after.mux(packet)
    found = decoded_here(path)
    _seen(found)
    assert found.receipt is not None and found.receipt.video is not None
    assert found.receipt.video.num_discarded == 0
    assert found.motion is not None
    steps = [after - before for before, after in pairwise(found.motion.pts_seconds)]
    assert max(steps) - min(steps) < 0.05


def test_a_fragment_for_each_packet(tmp_path: Path) -> None:
    """Its muxer does not know how long a packet of sound lasts, so that every second one seems to be hidden."""
    source = write_video(tmp_path / "a.mp4", num_frames=100, sound_seconds=4.0)
    path = remuxed(source, tmp_path / "b.mp4", options={"movflags": "frag_every_frame+empty_moov"})
    found = decoded_here(path)
    _seen(found)
    assert len(found.speech) == pytest.approx(4.0 * 16_000, rel=0.05)


def test_dense_pictures_are_covered(tmp_path: Path) -> None:
    """A camera that records while something moves: what stands between two bursts is looked at as well."""
    times = [*range(10), *range(54, 56), 108, 109]
    path = write_video(tmp_path / "a.mkv", num_frames=len(times), pts=lambda number: times[number])
    found = decoded_here(path)
    _seen(found)
    assert found.receipt is not None
    assert found.receipt.coverage_ratio == 1.0


def test_uneven_pictures_get_more_times() -> None:
    """As many over time as even ones, and others over the pictures, up to the limit."""
    crowded = (*(number / 10 for number in range(100)), 1_000.0)
    assert len(spread(9, 0.0, 1_000.0, crowded, max_times=48)) >= 14
    assert len(spread(9, 0.0, 1_000.0, crowded, max_times=12)) <= 12


class TestCostlyIndexes:
    """Damaged fragments that take seconds to open."""

    def test_are_opened_once(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A file that cannot be read again from its beginning was opened for each pass."""
        path = write_video(tmp_path / "a.mkv", num_frames=10)
        with path.open("rb") as file:
            media = MediaFile(file.fileno(), path.stat().st_size, 64 * 2**20)
            monkeypatch.setattr(containers, "MAX_OPEN_CPU_SECONDS", -1.0)
            give_back(media, take_container(media), was_read=True)
            with pytest.raises(InvalidMedia, match="takes too long"):
                take_container(media)

    def test_more_packets_than_bytes_are_refused(self, tmp_path: Path) -> None:
        """A run of a fragment may state any number of them in eight bytes."""
        source = write_video(tmp_path / "a.mp4", num_frames=100, options={"g": "25"})
        path = remuxed(source, tmp_path / "b.mp4", options={"movflags": "frag_keyframe+empty_moov"})
        whole = bytearray(path.read_bytes())
        place = whole.index(b"trun")
        whole[place + 4 : place + 12] = struct.pack(">II", 1, 3_000_000)
        path.write_bytes(whole)
        found = decoded_here(path)
        assert found.failure is not None
        assert "lists 3000" in str(found.failure)

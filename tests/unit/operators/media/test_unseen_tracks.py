"""What a container holds next to the two streams that are analysed is named."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest

from operators.media.index import UnseenTrack
from tests.decoded_here import decoded_here
from tests.hostile_media import numbered_picture, write_sound, write_video

Build = Callable[[Path], Path]


def _with_tracks(path: Path, *, num_videos: int = 1, num_sounds: int = 1, text: bool = False) -> Path:
    """Tracks side by side, each of two seconds."""
    with av.open(str(path), "w") as container:
        videos = [container.add_stream("mpeg4", rate=25) for _ in range(num_videos)]
        sounds = [container.add_stream("aac", rate=48_000) for _ in range(num_sounds)]
        for video in videos:
            video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        for video in videos:
            for number in range(50):
                frame = av.VideoFrame.from_ndarray(numbered_picture(number, width=320, height=180), "rgb24")
                frame.pts, frame.time_base = number, Fraction(1, 25)
                container.mux(video.encode(frame))
            container.mux(video.encode())
        for sound in sounds:
            for number in range(90):
                frame = av.AudioFrame(format="fltp", layout="stereo", samples=1024)
                for plane in frame.planes:
                    plane.update(bytes(plane.buffer_size))
                frame.sample_rate, frame.pts, frame.time_base = 48_000, number * 1024, Fraction(1, 48_000)
                container.mux(sound.encode(frame))
            container.mux(sound.encode())
    if text:
        return _with_subtitles(path)
    return path


def _with_subtitles(path: Path) -> Path:
    """A text track next to the others, by way of SubRip."""
    lines = path.with_suffix(".srt")
    lines.write_text("1\n00:00:00,000 --> 00:00:01,500\nA line of text.\n\n")
    whole = path.with_name(f"with-text{path.suffix}")
    with av.open(str(path)) as first, av.open(str(lines)) as second, av.open(str(whole), "w") as after:
        streams = {stream: after.add_stream_from_template(stream) for stream in (*first.streams, *second.streams)}
        for packet in (*first.demux(), *second.demux()):
            if packet.size and packet.dts is not None:
                packet.stream = streams[packet.stream]
                after.mux(packet)
    return whole


def _followed(path: Path, follower: Path) -> Path:
    path.write_bytes(path.read_bytes() + follower.read_bytes())
    return path


def named(path: Path) -> list[tuple[str, str]]:
    """Kind and codec of what nobody looks at."""
    index = decoded_here(path).index
    assert index is not None
    return [(track.kind, track.codec) for track in index.unseen]


class TestTracks:
    """Next to those that are analysed."""

    @pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov", "ts"])
    def test_a_second_film_is_named(self, suffix: str, tmp_path: Path) -> None:
        """A player may show it."""
        assert named(_with_tracks(tmp_path / f"two.{suffix}", num_videos=2)) == [("video", "mpeg4")]

    @pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov", "ts"])
    def test_so_are_more_sounds(self, suffix: str, tmp_path: Path) -> None:
        """All of them."""
        assert named(_with_tracks(tmp_path / f"three.{suffix}", num_sounds=3)) == [("audio", "aac")] * 2

    def test_so_is_text(self, tmp_path: Path) -> None:
        """Whatever it says."""
        assert [kind for kind, _ in named(_with_tracks(tmp_path / "text.mkv", text=True))] == ["text"]

    @pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "webm", "avi"])
    def test_nothing_else_is(self, suffix: str, tmp_path: Path) -> None:
        """Of a film with its sound."""
        codec = "libvpx" if suffix == "webm" else "libx264"
        write_video(tmp_path / f"plain.{suffix}", num_frames=25, codec=codec)
        assert named(tmp_path / f"plain.{suffix}") == []


class TestBehindTheEnd:
    """Bytes that no demuxer reads."""

    @pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "png"])
    @pytest.mark.parametrize("hidden", ["mp4", "mkv", "wav"])
    def test_a_file_behind_a_file_is_named(self, suffix: str, hidden: str, tmp_path: Path) -> None:
        """With its size and what it begins as."""
        kind = {"codec": "png", "pixel_format": "rgb24"} if suffix == "png" else {}
        front = write_video(tmp_path / f"front.{suffix}", num_frames=1 if suffix == "png" else 25, **kind)
        back = tmp_path / f"back.{hidden}"
        if hidden == "wav":
            write_sound(back, seconds=0.5)
        else:
            write_video(back, num_frames=25)
        index = decoded_here(_followed(front, back)).index
        assert index is not None
        size_bytes, name = back.stat().st_size, {"mp4": "mp4", "mkv": "matroska", "wav": "riff"}[hidden]
        assert index.unseen == (UnseenTrack("trailing", -1, name, size_bytes),)

    @pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "png"])
    def test_padding_is_none(self, suffix: str, tmp_path: Path) -> None:
        """Nor is anything too short for a clip."""
        kind = {"codec": "png", "pixel_format": "rgb24"} if suffix == "png" else {}
        path = write_video(tmp_path / f"padded.{suffix}", num_frames=1 if suffix == "png" else 25, **kind)
        path.write_bytes(path.read_bytes() + bytes(200))
        assert named(path) == []

    def test_fragments_and_free_space_are_not_behind_the_end(self, tmp_path: Path) -> None:
        """Boxes may come in any order and number."""
        path = write_video(tmp_path / "plain.mp4", num_frames=25)
        path.write_bytes(path.read_bytes() + (5008).to_bytes(4, "big") + b"free" + bytes(5000))
        assert named(path) == []


def test_a_video_track_that_is_called_chapters(tmp_path: Path) -> None:
    """MP4 lets a track call any other one its chapters; FFmpeg takes a film for thumbnails then."""
    path = _with_tracks(tmp_path / "chapters.mp4", num_videos=2)
    whole = path.read_bytes()
    first = (
        whole.index(b"trak") - 4
    )  # the reference goes in front of the first track's end, where nothing has an offset
    assert whole.index(b"mdat") < first
    size = int.from_bytes(whole[first : first + 4], "big")
    reference = (20).to_bytes(4, "big") + b"tref" + (12).to_bytes(4, "big") + b"chap" + (2).to_bytes(4, "big")
    moov = whole.index(b"moov") - 4
    moov_size = int.from_bytes(whole[moov : moov + 4], "big")
    path.write_bytes(
        whole[:moov]
        + (moov_size + 20).to_bytes(4, "big")
        + whole[moov + 4 : first]
        + (size + 20).to_bytes(4, "big")
        + whole[first + 4 : first + size]
        + reference
        + whole[first + size :]
    )
    found = decoded_here(path)
    assert found.index is not None
    assert [(track.kind, track.number) for track in found.index.unseen] == [("video", 1)]

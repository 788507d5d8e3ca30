"""What is reached by a seek is reached directly: nothing before it is decoded, and nothing before it is fetched."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from operators.media.containers import MediaFile, give_back, take_container
from operators.media.decoders.pyav import PyavDecoder
from operators.media.index import VideoStreamIndex
from operators.media.plan import DecodeSpan, PlanPolicy, make_plan
from operators.media.pool import DecoderPool
from operators.media.read_index import read_index
from operators.media.seek_probes import probed_keyframes
from operators.media.shared_sessions import MediaSessions
from ops.bench.long_clip import make_long_clip
from schemas.uploads import FileSource
from tests.hostile_media import write_video
from tests.opened_files import ArrivingFiles

MAX_PIXELS = 10**8
UNLISTED = (
    ("clip.mkv", "libx264"),
    ("clip.ts", "libx264"),
    ("clip.mpg", "mpeg2video"),
    ("clip.flv", "libx264"),
    ("clip.wmv", "wmv2"),
)
"""Containers that do not list their packets."""


@pytest.fixture
async def pool() -> AsyncIterator[DecoderPool]:
    """One decoder process."""
    pool = DecoderPool(1)
    await pool.open()
    yield pool
    await pool.close()


class TestKeyframeSamples:
    """One keyframe each."""

    @pytest.mark.parametrize("rate", [24, 25, 30, 50])
    @pytest.mark.parametrize(
        ("name", "codec", "sound_seconds"),
        [
            ("clip.mp4", "libx264", 0.0),
            ("clip.mp4", "libx264", 6.0),
            ("clip.mp4", "libx265", 0.0),
            ("clip.mkv", "libx264", 6.0),
            ("clip.webm", "libvpx-vp9", 0.0),
            ("clip.ts", "libx264", 6.0),
            ("clip.ts", "libx265", 0.0),
            ("clip.ts", "mpeg2video", 0.0),
            ("clip.mpg", "mpeg2video", 0.0),
            ("clip.flv", "libx264", 6.0),
            ("clip.wmv", "wmv2", 0.0),
            ("clip.avi", "mpeg4", 0.0),
        ],
    )
    def test_cost_one_frame_each(self, name: str, codec: str, sound_seconds: float, rate: int, tmp_path: Path) -> None:
        """A time of the index leads to its keyframe, though it is no whole number of ticks as a fraction of seconds,
        and never to the one before, from which a stretch would have to be decoded."""
        path = written(tmp_path / name, codec=codec, sound_seconds=sound_seconds, rate=rate)
        with opened(path) as file:
            keyframes = file.index.keyframe_seconds
            keyframe_samples = [
                list(file.decoder.decode(DecodeSpan("keyframe", time, time, time))) for time in keyframes
            ]
            num_decoded = file.decoder.num_decoded
        assert len(keyframes) >= 21
        assert [[frame.is_keyframe for frame in frames] for frames in keyframe_samples] == [[True]] * len(keyframes)
        assert num_decoded == len(keyframes)


class TestStretches:
    """Bursts, which begin at a keyframe."""

    @pytest.mark.parametrize(("name", "codec"), [("clip.mp4", "libx264"), *UNLISTED])
    def test_begin_with_it(self, name: str, codec: str, tmp_path: Path) -> None:
        """Were they to begin behind it, nothing could be decoded up to the next."""
        path = written(tmp_path / name, codec=codec)
        with opened(path) as file:
            starts = file.index.keyframe_seconds[2::4]
            dense_segments = [
                list(file.decoder.decode(DecodeSpan("dense", time, time + 0.18, time))) for time in starts
            ]
        first = [(frames[0].pts_seconds, frames[0].is_keyframe) for frames in dense_segments]
        assert first == [(pytest.approx(time, abs=0.021), True) for time in starts]
        assert [len(frames) for frames in dense_segments] == [5] * len(starts)


class TestElementaryStreams:
    """Which have neither times nor places."""

    def test_are_read_from_their_beginning(self, tmp_path: Path) -> None:
        """A seek would leave them at their end, with nothing to see."""
        path = written(tmp_path / "clip.h264", codec="libx264", num_frames=3000)
        with opened(path, PlanPolicy(full_decode_max_packets=100)) as file:
            assert not file.index.is_seekable
            assert all(span.seek_seconds is None for span in file.spans)
            sample_points = file.sample_points()
        assert len(sample_points) == 36
        assert all(
            abs(times[0] - span.start_seconds) <= 0.051 for times, span in zip(sample_points, file.spans, strict=True)
        )


class TestBeyondWhatWasRead:
    """Of a file that is too long to be read through, without a list of its packets."""

    @pytest.fixture(autouse=True)
    def _short_scan(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("operators.media.packet_scan.MAX_SCAN_PACKETS", 500)

    @pytest.mark.parametrize(
        ("name", "codec", "is_live"),
        [*((*each, False) for each in UNLISTED), ("live.mkv", "libx264", True), ("live.webm", "libvpx", True)],
    )
    def test_sample_points_begin_at_keyframes(self, name: str, codec: str, is_live: bool, tmp_path: Path) -> None:
        """So that all of them show something, and cost hardly more than with a whole index; the header of a live
        recording does not even tell how long it is."""
        path = written(tmp_path / name, codec=codec, num_frames=3000, gop=50, is_live=is_live)
        with opened(path) as file:
            sample_points = file.sample_points()
        assert file.index.duration_seconds == pytest.approx(120.0, abs=1.5)
        assert file.index.keyframe_seconds[-1] > 110
        assert {
            len(times) for times, span in zip(sample_points, file.spans, strict=True) if span.kind == "keyframe"
        } == {1}
        assert all(
            len(times) >= 40 for times, span in zip(sample_points, file.spans, strict=True) if span.kind == "dense"
        )
        assert file.decoder.num_decoded < 1.2 * (24 + 12 * 50)
        assert all(
            abs(times[0] - span.start_seconds) <= 0.041 for times, span in zip(sample_points, file.spans, strict=True)
        )

    def test_an_elementary_stream(self, tmp_path: Path) -> None:
        """Its length is what its size lets expect."""
        with opened(written(tmp_path / "clip.h264", codec="libx264", num_frames=3000, gop=50)) as file:
            assert file.index.duration_seconds == pytest.approx(120.0, rel=0.2)
            assert all(file.sample_points()[:-2])  # the last two may lie beyond the real end

    def test_a_header_that_claims_more(self, tmp_path: Path) -> None:
        """Beyond the end of the file there is nothing but its last keyframe."""
        path = written(tmp_path / "clip.mkv", codec="libx264")
        with path.open("rb") as file:
            media = MediaFile(os.dup(file.fileno()), path.stat().st_size, MAX_PIXELS)
            container = take_container(media)
            stream = container.streams.video[0]
            found = probed_keyframes(container, stream, start_seconds=2.0, end_seconds=10_000_000.0)
            container.close()
            os.close(media.fd)
        assert found == [pytest.approx(147 / 25, abs=0.001)]


def written(
    path: Path,
    *,
    codec: str,
    sound_seconds: float = 0.0,
    rate: int = 25,
    num_frames: int = 150,
    gop: int = 7,
    is_live: bool = False,
) -> Path:
    """A clip with a keyframe in `gop` pictures."""
    options = {"g": str(gop), "sc_threshold": "0"}
    return write_video(
        path,
        num_frames=num_frames,
        rate=rate,
        width=96,
        height=64,
        codec=codec,
        sound_seconds=sound_seconds,
        options=options,
        is_live=is_live,
    )


@dataclass(frozen=True)
class Opened:
    """A decoder of a file, what its index says, and what would be decoded by default."""

    decoder: PyavDecoder
    index: VideoStreamIndex
    spans: tuple[DecodeSpan, ...]

    def sample_points(self) -> list[list[float]]:
        """Times of what each span shows."""
        return [[frame.pts_seconds for frame in self.decoder.decode(span)] for span in self.spans]


@contextmanager
def opened(path: Path, policy: PlanPolicy | None = None) -> Iterator[Opened]:
    """The file as a decoder process has it."""
    with path.open("rb") as file:
        media = MediaFile(os.dup(file.fileno()), path.stat().st_size, MAX_PIXELS)
        container = take_container(media)
        index = read_index(container, media)
        give_back(media, container, was_read=index.was_scanned)
        assert index.video is not None
        plan = make_plan(index, policy or PlanPolicy(), max_pixels=MAX_PIXELS).video
        assert plan is not None
        decoder = PyavDecoder(media, plan)
        yield Opened(decoder, index.video, plan.spans)
        decoder.close()
        os.close(media.fd)


class TestSound:
    """Where the media arrives as it is read."""

    async def test_is_fetched_with_the_dense_segments(self, pool: DecoderPool, tmp_path: Path, samples: Path) -> None:
        """It is in the same bytes: what is heard for as long as is watched costs next to nothing, and what is
        before the first burst is not fetched."""
        clip = make_long_clip(samples / "bigbuckbunny.mp4", tmp_path / "long.mp4", is_index_first=True, seconds=95.0)
        num_bytes = []
        for heard_seconds in (0.5, 20.0):
            files = ArrivingFiles()
            policy = PlanPolicy(
                full_decode_max_packets=0, max_frames=20, num_dense_segments=10, max_remote_audio_seconds=heard_seconds
            )
            async with MediaSessions(pool, files, policy).open("v", FileSource(path=str(clip))) as session:
                assert (await session.receipt()).audio_seconds == pytest.approx(heard_seconds, rel=0.15)
            (opened,) = files.opened
            num_bytes.append(opened.bytes_fetched)
            assert [part for part in opened.asked if part[1] > 1_000_000 and part[0] < 2_000_000] == []
        assert num_bytes[1] < 1.15 * num_bytes[0]

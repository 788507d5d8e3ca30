"""What is reached by a seek is reached directly: nothing before it is decoded, and nothing before it is fetched."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from operators.media.containers import MediaFile, give_back, take_container
from operators.media.decoders.pyav import PyavDecoder
from operators.media.plan import DecodeSpan, PlanPolicy, make_plan
from operators.media.pool import DecoderPool
from operators.media.read_index import read_index
from operators.media.session import MediaSessions
from ops.bench.long_clip import make_long_clip
from schemas.uploads import FileSource
from tests.hostile_media import write_video
from tests.opened_files import ArrivingFiles

MAX_PIXELS = 10**8


@pytest.fixture
async def pool() -> AsyncIterator[DecoderPool]:
    """One decoder process."""
    pool = DecoderPool(1)
    await pool.open()
    yield pool
    await pool.close()


class TestGlances:
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
        with opened(path) as (decoder, keyframes):
            glances = [list(decoder.decode(DecodeSpan("glance", time, time, time))) for time in keyframes]
            num_decoded = decoder.num_decoded
        assert len(keyframes) >= 21
        assert [[frame.is_keyframe for frame in frames] for frames in glances] == [[True]] * len(keyframes)
        assert num_decoded == len(keyframes)


class TestStretches:
    """Bursts, which begin at a keyframe."""

    @pytest.mark.parametrize(
        ("name", "codec"),
        [
            ("clip.mp4", "libx264"),
            ("clip.mkv", "libx264"),
            ("clip.ts", "libx264"),
            ("clip.mpg", "mpeg2video"),
            ("clip.flv", "libx264"),
            ("clip.wmv", "wmv2"),
        ],
    )
    def test_begin_with_it(self, name: str, codec: str, tmp_path: Path) -> None:
        """Were they to begin behind it, nothing could be decoded up to the next."""
        path = written(tmp_path / name, codec=codec)
        with opened(path) as (decoder, keyframes):
            starts = keyframes[2::4]
            bursts = [list(decoder.decode(DecodeSpan("burst", time, time + 0.18, time))) for time in starts]
        first = [(frames[0].pts_seconds, frames[0].is_keyframe) for frames in bursts]
        assert first == [(pytest.approx(time, abs=0.021), True) for time in starts]
        assert [len(frames) for frames in bursts] == [5] * len(starts)


def written(path: Path, *, codec: str, sound_seconds: float = 0.0, rate: int = 25) -> Path:
    """A clip with a keyframe in seven pictures."""
    options = {"g": "7", "sc_threshold": "0"}
    return write_video(
        path,
        num_frames=150,
        rate=rate,
        width=96,
        height=64,
        codec=codec,
        sound_seconds=sound_seconds,
        options=options,
    )


@contextmanager
def opened(path: Path) -> Iterator[tuple[PyavDecoder, tuple[float, ...]]]:
    """A decoder of a file, and the times of keyframes that its index knows."""
    with path.open("rb") as file:
        media = MediaFile(os.dup(file.fileno()), path.stat().st_size, MAX_PIXELS)
        container = take_container(media)
        index = read_index(container, media)
        give_back(media, container, was_read=index.was_scanned)
        assert index.video is not None
        plan = make_plan(index, PlanPolicy(), max_pixels=MAX_PIXELS).video
        assert plan is not None
        decoder = PyavDecoder(media, plan)
        yield decoder, index.video.keyframe_seconds
        decoder.close()
        os.close(media.fd)


class TestSound:
    """Where the media arrives as it is read."""

    async def test_is_fetched_with_the_bursts(self, pool: DecoderPool, tmp_path: Path, samples: Path) -> None:
        """It lies in the same bytes: what is heard for as long as is watched costs next to nothing, and what lies
        before the first burst is not fetched."""
        clip = make_long_clip(samples / "bigbuckbunny.mp4", tmp_path / "long.mp4", is_index_first=True, seconds=95.0)
        num_bytes = []
        for heard_seconds in (0.5, 20.0):
            files = ArrivingFiles()
            policy = PlanPolicy(
                sweep_max_packets=0, max_frames=20, num_bursts=10, max_fetched_audio_seconds=heard_seconds
            )
            async with MediaSessions(pool, files, policy).open("v", FileSource(path=str(clip))) as session:
                assert (await session.receipt()).audio_seconds == pytest.approx(heard_seconds, rel=0.15)
            (opened,) = files.opened
            num_bytes.append(opened.bytes_fetched)
            assert [part for part in opened.asked if part[1] > 1_000_000 and part[0] < 2_000_000] == []
        assert num_bytes[1] < 1.15 * num_bytes[0]

"""One decode, many agents."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from operators.errors import InvalidMedia
from operators.media.plan import PlanPolicy
from operators.media.pool import DecoderPool
from operators.media.session import MediaSession
from operators.media.shared_sessions import MediaSessions
from operators.media.tracks import SPEECH_HZ
from schemas.uploads import FileSource
from tests.hostile_media import text, write_sound, write_video
from tests.opened_files import LocalFiles
from tests.unit.operators.media.test_pool import MemoryObserver


@pytest.fixture
def observer() -> MemoryObserver:
    """Counts decodes."""
    return MemoryObserver()


@pytest.fixture
async def pool(observer: MemoryObserver) -> AsyncIterator[DecoderPool]:
    """One decoder process."""
    pool = DecoderPool(1, observer=observer)
    await pool.open()
    yield pool
    await pool.close()


@pytest.fixture
def sessions(pool: DecoderPool, tmp_path: Path) -> MediaSessions:
    """Sessions over one folder that holds a clip of four seconds with sound."""
    write_video(tmp_path / "clip.mp4", num_frames=100, sound_seconds=4.0)
    return MediaSessions(pool, LocalFiles(tmp_path))


async def times_of(session: MediaSession) -> list[float]:
    """When the sampled frames are shown."""
    return [frame.pts_seconds async for frame in session.frames()]


class TestMediaSession:
    """What agents get."""

    async def test_yields_everything(self, sessions: MediaSessions) -> None:
        """Index, frames, motion, sound and receipt agree with the clip and with one another."""
        async with sessions.open("clip", FileSource(path="clip.mp4")) as session:
            index, motion, audio = await session.index(), await session.motion(), await session.audio()
            times, receipt = await times_of(session), await session.receipt()
        assert index.video is not None and index.audio is not None
        assert (index.video.width, index.video.height) == (320, 180)
        assert times == pytest.approx([0.5, 1.5, 2.5, 3.5], abs=0.05)
        assert motion is not None and audio is not None
        assert len(motion.pts_seconds) == receipt.motion_frames >= 45
        assert (motion.spans[0].first, motion.spans[-1].last) == (0, receipt.motion_frames)
        assert len(audio.speech) / SPEECH_HZ == pytest.approx(4.0, abs=0.1)
        assert audio.full_band.shape == (len(audio.speech) * 3, index.audio.num_channels)
        assert receipt.coverage_ratio == 1.0
        assert receipt.cpu_seconds > receipt.index_cpu_seconds > 0 and receipt.bytes_read > 0
        assert receipt.fetch_cpu_seconds > 0 and receipt.bytes_fetched == 0

    async def test_sound_is_the_tone(self, pool: DecoderPool, tmp_path: Path) -> None:
        """Both rates hold 440 Hz at half amplitude."""
        write_sound(tmp_path / "tone.wav", seconds=2.0)
        async with MediaSessions(pool, LocalFiles(tmp_path)).open("tone", FileSource(path="tone.wav")) as session:
            audio = await session.audio()
            assert audio is not None and await session.motion() is None and await times_of(session) == []
            for samples, rate in ((audio.speech, SPEECH_HZ), (audio.full_band[:, 0], 48_000)):
                spectrum = np.abs(np.fft.rfft(samples[: 2 * (len(samples) // 2)]))
                assert np.argmax(spectrum) * rate / len(samples) == pytest.approx(440, abs=1)
                assert np.abs(samples).max() == pytest.approx(0.5, abs=0.02)

    async def test_pictures_cannot_be_changed(self, sessions: MediaSessions) -> None:
        """Agents share the memory, so none may write to it."""
        async with sessions.open("clip", FileSource(path="clip.mp4")) as session:
            async for frame in session.frames():
                assert not frame.pixels.flags.writeable

    async def test_frames_may_be_iterated_by_many(self, sessions: MediaSessions, observer: MemoryObserver) -> None:
        """Every consumer sees all frames, whether it comes early or late, from one decode."""
        async with sessions.open("clip", FileSource(path="clip.mp4")) as session:
            first, second = await asyncio.gather(times_of(session), times_of(session))
            assert first == second == await times_of(session)
        assert observer.num_started == 1

    async def test_decodes_nothing_unasked(self, sessions: MediaSessions, observer: MemoryObserver) -> None:
        """Opening a session costs no decode."""
        async with sessions.open("clip", FileSource(path="clip.mp4")):
            await asyncio.sleep(0)
        assert observer.num_started == 0

    async def test_cancelled_agent_leaves_the_decode_to_others(self, sessions: MediaSessions) -> None:
        """One of two agents is cancelled; the other gets everything."""
        async with sessions.open("clip", FileSource(path="clip.mp4")) as session:
            cancelled = asyncio.create_task(session.receipt())
            await asyncio.sleep(0)
            cancelled.cancel()
            assert len(await times_of(session)) == 4

    async def test_failure_is_one_object(self, pool: DecoderPool, tmp_path: Path) -> None:
        """Every agent gets the same error, whatever it asked for, early or late."""
        text(tmp_path / "text.mp4")
        async with MediaSessions(pool, LocalFiles(tmp_path)).open("text", FileSource(path="text.mp4")) as session:
            asked = (session.index(), times_of(session), session.motion(), session.audio(), session.receipt())
            errors = await asyncio.gather(*asked, return_exceptions=True)
            errors.append((await asyncio.gather(session.motion(), return_exceptions=True))[0])
        assert isinstance(errors[0], InvalidMedia)
        assert all(error is errors[0] for error in errors)

    async def test_a_failed_decode_has_its_cost(self, pool: DecoderPool, tmp_path: Path) -> None:
        """What a process used for media of which nothing came is told, once it is over; no decode has no cost."""
        text(tmp_path / "text.mp4")
        sessions = MediaSessions(pool, LocalFiles(tmp_path))
        async with sessions.open("text", FileSource(path="text.mp4")) as session:
            assert session.ended_receipt() is None
            with pytest.raises(InvalidMedia):
                await session.receipt()
            found = session.ended_receipt()
        assert found is not None and found.cpu_seconds > 0
        assert (found.frames_decoded, found.coverage_ratio) == (0, 0.0)
        async with sessions.open("absent", FileSource(path="absent.mp4")) as session:
            with pytest.raises(InvalidMedia):
                await session.receipt()
            assert session.ended_receipt() is None


class TestMediaSessions:
    """Who shares what."""

    async def test_one_decode_per_key(self, sessions: MediaSessions, observer: MemoryObserver) -> None:
        """Agents of one key share a session, of two keys they do not."""
        clip = FileSource(path="clip.mp4")
        async with sessions.open("a", clip) as first, sessions.open("a", clip) as second:
            assert first is second
            async with sessions.open("b", FileSource(path="clip.mp4")) as other:
                assert other is not first
                await asyncio.gather(first.receipt(), second.receipt(), other.receipt())
            assert len(sessions) == 1
        assert len(sessions) == 0
        assert observer.num_started == 2

    async def test_last_to_leave_stops_the_decode(self, sessions: MediaSessions, observer: MemoryObserver) -> None:
        """Nobody is left to want the result."""
        async with sessions.open("clip", FileSource(path="clip.mp4")) as session:
            asking = asyncio.create_task(session.receipt())
            while not observer.num_started:
                await asyncio.sleep(0)
            asking.cancel()
        assert observer.causes == ["cancelled"]

    async def test_memory_goes_with_the_session(self, sessions: MediaSessions, tmp_path: Path) -> None:
        """When the last agent has left, neither mapping nor descriptor remains."""
        gc.collect()
        descriptors, mappings = _media_descriptors(tmp_path), _num_media_mappings()
        async with sessions.open("clip", FileSource(path="clip.mp4")) as session:
            await session.receipt()
            assert _num_media_mappings() == mappings + 1
        gc.collect()
        assert _num_media_mappings() == mappings
        assert _media_descriptors(tmp_path) == descriptors

    async def test_outside_the_roots(self, sessions: MediaSessions) -> None:
        """A reference that leads outside fails the session, not the opening of it."""
        async with sessions.open("x", FileSource(path="/etc/passwd")) as session:
            with pytest.raises(InvalidMedia) as caught:
                await session.index()
        assert caught.value.cause == "media-outside-roots"


SAMPLED = PlanPolicy(full_decode_max_packets=600)
"""Long videos of tiny pictures are sampled as larger ones are."""


class TestLongVideo:
    """Moments, through the real decoder."""

    async def test_is_looked_at_from_first_to_last(self, pool: DecoderPool, tmp_path: Path) -> None:
        """Five minutes: the number of frames allowed, spread over all of it, for a fraction of the decode."""
        num_frames = 300 * 10
        write_video(tmp_path / "long.mp4", num_frames=num_frames, rate=10, width=64, height=36, options={"g": "20"})
        sessions = MediaSessions(pool, LocalFiles(tmp_path), SAMPLED)
        async with sessions.open("long", FileSource(path="long.mp4")) as session:
            times, motion, receipt = await times_of(session), await session.motion(), await session.receipt()
        assert (times[0] < 12, times[-1] > 288) == (True, True)
        assert 40 <= len(times) <= 48
        assert receipt.frames_decoded < num_frames / 4
        assert motion is not None and len(motion.spans) == 12
        assert 0.1 < receipt.coverage_ratio < 0.3

    async def test_one_keyframe_is_walked_through(self, pool: DecoderPool, tmp_path: Path) -> None:
        """Without keyframes to land on, sample points are reached by decoding up to them."""
        path = tmp_path / "long.mp4"
        write_video(path, num_frames=2800, rate=20, width=64, height=36, options={"g": "9999", "sc_threshold": "0"})
        sessions = MediaSessions(pool, LocalFiles(tmp_path), SAMPLED)
        async with sessions.open("long", FileSource(path="long.mp4")) as session:
            times = await times_of(session)
        assert len(times) >= 45
        assert times[-1] > 130


def _media_descriptors(folder: Path) -> list[str]:
    """What is open of shared memory and of files of the folder; threads of other tests open and close the rest."""
    links = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
    return sorted(link for link in links if "memfd:" in link or link.startswith(str(folder)))


def _num_media_mappings() -> int:
    return Path("/proc/self/maps").read_text().count("memfd:media")

"""Decoder processes that somebody else kills: the video is decoded once more, and agents see one decode."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from operators.errors import InvalidMedia
from operators.media.decode_replay import DecodeReplay
from operators.media.decoder_client import DECODER_COMMAND
from operators.media.ipc_messages import AudioReady, Done, FrameSlot, FramesReady, MotionReady, TrackShape
from operators.media.pool import DecoderPool
from operators.media.receipt import DecodeUsage, failed_receipt
from operators.media.session import MediaSession
from operators.media.shared_sessions import MediaSessions
from schemas.uploads import FileSource
from tests.hostile_media import write_video
from tests.killed_decoder import killed_decoder
from tests.opened_files import LocalFiles
from tests.unit.operators.media.test_pool import MemoryObserver

CLIP = FileSource(path="clip.mp4")


@dataclass
class Seen:
    """Everything that agents can see of one session."""

    frames: list[tuple[float, bytes]]
    luma: np.ndarray
    speech: np.ndarray
    receipt: DecodeUsage


@asynccontextmanager
async def session_of(
    folder: Path, observer: MemoryObserver, command: tuple[str, ...] = DECODER_COMMAND
) -> AsyncIterator[MediaSession]:
    """A session over `clip.mp4`, decoded by one process."""
    pool = DecoderPool(1, observer=observer, command=command)
    await pool.open()
    try:
        async with MediaSessions(pool, LocalFiles(folder)).open("clip", CLIP) as session:
            yield session
    finally:
        await pool.close()


async def seen_of(session: MediaSession) -> Seen:
    """Look at the session as four agents do, all at once."""

    async def frames() -> list[tuple[float, bytes]]:
        return [(frame.pts_seconds, frame.pixels.tobytes()) async for frame in session.frames()]

    found, motion, audio, receipt = await asyncio.gather(frames(), session.motion(), session.audio(), session.receipt())
    assert motion is not None and audio is not None
    return Seen(found, motion.luma.copy(), audio.speech.copy(), receipt)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds a clip of four seconds with sound, and a place for counts."""
    write_video(tmp_path / "clip.mp4", num_frames=100, sound_seconds=4.0)
    (tmp_path / "deaths").mkdir()
    return tmp_path


class TestOneKill:
    @pytest.mark.parametrize("behind", ["Ready", "Indexed", "Planned", "AudioReady", "FramesReady", "MotionReady"])
    async def test_agents_see_one_decode(self, folder: Path, behind: str) -> None:
        """Wherever the first process is killed, every frame and track is there once and the same, from a fresh one."""
        async with session_of(folder, MemoryObserver()) as session:
            expected = await seen_of(session)
        observer = MemoryObserver()
        command = killed_decoder(folder / "deaths", signal.SIGKILL, 1, behind)
        async with session_of(folder, observer, command) as session:
            found = await seen_of(session)
        assert found.frames == expected.frames and len(found.frames) == 4
        assert np.array_equal(found.luma, expected.luma) and np.array_equal(found.speech, expected.speech)
        assert observer.causes == ["media-decoder-killed", ""]
        assert observer.num_replaced == 1

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
    async def test_other_signals_from_outside(self, folder: Path, number: signal.Signals) -> None:
        """What a supervisor or a closed terminal sends is no fault of the media, either."""
        command = killed_decoder(folder / "deaths", number, 1, "FramesReady")
        async with session_of(folder, MemoryObserver(), command) as session:
            assert len((await seen_of(session)).frames) == 4

    async def test_the_receipt_bears_both(self, folder: Path) -> None:
        """CPU time of the killed process is on the bill; what was decoded is counted once."""
        async with session_of(folder, MemoryObserver()) as session:
            expected = (await seen_of(session)).receipt
        command = killed_decoder(folder / "deaths", signal.SIGKILL, 1, "MotionReady")
        async with session_of(folder, MemoryObserver(), command) as session:
            found = (await seen_of(session)).receipt
            bill = session._decoder_cpu_seconds
        assert found.frames_sampled == expected.frames_sampled
        assert found.cpu_seconds == pytest.approx(bill, rel=0.5)
        assert found.cpu_seconds > found.index_cpu_seconds + expected.index_cpu_seconds

    async def test_ctrl_c_reaches_the_parent_alone(self, folder: Path) -> None:
        """A terminal sends SIGINT to all processes; the decoder goes on while its parent drains."""
        observer = MemoryObserver()
        pool = DecoderPool(1, observer=observer)
        await pool.open()
        os.kill(pool.process_ids[0], signal.SIGINT)
        async with MediaSessions(pool, LocalFiles(folder)).open("clip", CLIP) as session:
            assert len((await seen_of(session)).frames) == 4
        await pool.close()
        assert (observer.causes, observer.num_replaced) == ([""], 0)


class TestMoreKills:
    async def test_the_second_kill_fails_the_video(self, folder: Path) -> None:
        """Killed twice, the failure has a cause of its own, names the signals, and says where to look."""
        observer = MemoryObserver()
        command = killed_decoder(folder / "deaths", signal.SIGKILL, 2, "FramesReady")
        async with session_of(folder, observer, command) as session:
            with pytest.raises(InvalidMedia) as caught:
                await session.receipt()
            cost = session.ended_receipt()
        assert caught.value.cause == "media-decoder-killed"
        assert "by SIGKILL and SIGKILL" in caught.value.message and "memory" in caught.value.message
        assert observer.causes == ["media-decoder-killed"] * 2
        assert cost is not None and cost.cpu_seconds > 0

    @pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGXCPU, signal.SIGBUS])
    async def test_crashes_and_limits_are_not_tried_again(self, folder: Path, number: signal.Signals) -> None:
        """A crash speaks of the media, and a limit is ours: neither is decoded a second time."""
        observer = MemoryObserver()
        command = killed_decoder(folder / "deaths", number, 1, "FramesReady")
        async with session_of(folder, observer, command) as session:
            with pytest.raises(InvalidMedia):
                await session.receipt()
        expected = "media-decoder-timeout" if number is signal.SIGXCPU else "media-decoder-died"
        assert observer.causes == [expected]


def frame(number: int) -> FrameSlot:
    """A frame that is told by its number."""
    return FrameSlot(number, float(number), 10, 10, is_keyframe=False)


class TestDecodeReplay:
    def test_only_what_is_new_counts(self) -> None:
        """Frames may be grouped otherwise the second time; each is passed on once."""
        replay = DecodeReplay()
        assert replay.new_part(FramesReady((frame(0), frame(1)))) == FramesReady((frame(0), frame(1)))
        replay.begin_again()
        assert replay.new_part(FramesReady((frame(0),))) is None
        assert replay.new_part(FramesReady((frame(1), frame(2)))) == FramesReady((frame(2),))
        motion = MotionReady(TrackShape(1, 10, 10, ()), TrackShape(1, 4, 4, ()))
        assert replay.new_part(motion) is motion

    def test_a_file_that_changed_is_refused(self) -> None:
        """Parts of two different files are never put together."""
        replay = DecodeReplay()
        replay.new_part(AudioReady(100, (), 0))
        replay.begin_again()
        with pytest.raises(InvalidMedia) as caught:
            replay.new_part(AudioReady(99, (), 0))
        assert caught.value.cause == "media-changed"

    def test_so_is_one_that_became_shorter(self) -> None:
        """A second decode that ends before it has said what was said is of another file."""
        replay = DecodeReplay()
        replay.new_part(FramesReady((frame(0), frame(1))))
        replay.begin_again()
        replay.new_part(FramesReady((frame(0),)))
        with pytest.raises(InvalidMedia):
            replay.new_part(Done(failed_receipt(0.0, 0.0)))

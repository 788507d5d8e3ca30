"""Faults that are not the media's, through the real decoder process: a disk that fails, and errors nobody expected."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from operators.errors import InvalidMedia, MachineUnavailable
from operators.internal_errors import InternalError
from operators.media.pool import DecoderPool
from operators.media.progressive_file import LocalReadFailed, ProgressiveFile
from operators.media.session import MediaOpener, MediaSession
from operators.media.shared_sessions import MediaSessions
from operators.media.sources.checksum import require_checksum
from operators.media.sources.opened_source import OpenedSource
from schemas.uploads import FileSource, MediaSource
from tests.hostile_media import write_sound, write_video
from tests.opened_files import LocalFiles


@asynccontextmanager
async def session_with(fault: str, path: Path, opener: MediaOpener | None = None) -> AsyncIterator[MediaSession]:
    """A session over one file, whose decoder process has a fault."""
    command = (sys.executable, "-m", "tests.unit.operators.media.faulty_reading", fault)
    pool = DecoderPool(1, command=command)
    sessions = MediaSessions(pool, opener or LocalFiles(path.parent), between_tries_seconds=(0.0, 0.0))
    try:
        async with sessions.open("video", FileSource(path=path.name)) as session:
            yield session
    finally:
        await pool.close()


def video(folder: Path, name: str = "clip.mp4") -> Path:
    """Four seconds with sound."""
    return write_video(folder / name, num_frames=100, sound_seconds=4.0)


async def frames_of(session: MediaSession) -> int:
    """How many pictures come."""
    return len([frame async for frame in session.frames()])


class TestDisk:
    @pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.ts", "sound.wav"])
    @pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
    async def test_a_failed_read_is_the_machines_fault(self, tmp_path: Path, name: str, share: float) -> None:
        """Wherever the bad sector is, the upload is waited for; it is neither blamed nor given half a result."""
        is_sound = name.endswith(".wav")
        path = write_sound(tmp_path / name, seconds=2.0) if is_sound else video(tmp_path, name)
        async with session_with(f"disk:{int(path.stat().st_size * share)}", path) as session:
            with pytest.raises(MachineUnavailable, match=os.strerror(errno.EIO)):
                await session.receipt()
            with pytest.raises(MachineUnavailable):
                await session.motion()

    async def test_media_that_is_cut_off_is_still_the_medias_fault(self, tmp_path: Path) -> None:
        """Without a failed read nothing changes: a file without its end is broken media."""
        path = video(tmp_path)
        os.truncate(path, 100)
        async with session_with(f"disk:{2**40}", path) as session:
            with pytest.raises(InvalidMedia):
                await session.receipt()

    def test_a_reader_remembers(self, tmp_path: Path) -> None:
        """A failed read looks like the end of the file to FFmpeg, and is told apart by anyone who asks."""

        def read_at(fd: int, count: int, offset: int) -> bytes:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

        file = ProgressiveFile(0, 100, read_at=read_at)
        file.require_readable()
        assert file.read(10) == b""
        with pytest.raises(LocalReadFailed, match=os.strerror(errno.ESTALE)):
            file.require_readable()

    async def test_a_checksum_that_cannot_be_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A disk that fails under the checksum is waited for, too."""
        path = video(tmp_path)
        opened = await LocalFiles(tmp_path).open(FileSource(path=path.name))

        def fail(fd: int, count: int, offset: int) -> bytes:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        monkeypatch.setattr(os, "pread", fail)
        with pytest.raises(MachineUnavailable, match="cannot be read"):
            await require_checksum(opened, "0" * 64)
        await opened.aclose()


class TestUnexpected:
    @pytest.mark.parametrize("fault", ["index", "pictures"])
    async def test_one_that_passes_costs_a_try(self, tmp_path: Path, fault: str) -> None:
        """Two failed tries leave no trace in the third: nothing is told twice and nothing is missing."""
        async with session_with(f"{fault}:2", video(tmp_path)) as session:
            receipt, num_frames, motion = await session.receipt(), await frames_of(session), await session.motion()
            audio = await session.audio()
        assert motion is not None and audio is not None
        assert num_frames == receipt.frames_sampled == 4
        assert len(motion.pts_seconds) == receipt.motion_frames

    @pytest.mark.parametrize("fault", ["index", "pictures"])
    async def test_one_that_stays_is_an_internal_error(self, tmp_path: Path, fault: str) -> None:
        """After three tries every agent gets the same error, with the traceback of the process, which lives on."""
        async with session_with(f"{fault}:99", video(tmp_path)) as session:
            with pytest.raises(InternalError) as caught:
                await session.receipt()
            with pytest.raises(InternalError) as again:
                await session.receipt()
        assert caught.value is again.value
        assert (caught.value.boundary, caught.value.num_tries) == ("media", 3)
        assert "planted" in caught.value.message
        assert "faulty_reading.py" in caught.value.details

    @pytest.mark.parametrize("num_failures", [2, 99])
    async def test_a_source_that_raises(self, tmp_path: Path, num_failures: int) -> None:
        """What a library raises while media is opened is tried again, then it is an internal error of the source."""
        path = video(tmp_path)
        opener = FaultyOpener(LocalFiles(tmp_path).open, [ValueError("Invalid IPv6 URL")] * num_failures)
        async with session_with(f"disk:{2**40}", path, opener) as session:
            if num_failures == 2:
                assert await frames_of(session) == 4
                return
            with pytest.raises(InternalError) as caught:
                await session.receipt()
        assert (caught.value.boundary, caught.value.num_tries) == ("source", 3)

    async def test_no_descriptors_are_left(self, tmp_path: Path) -> None:
        """EMFILE from whatever is opened on the way is waited for, at the first try."""
        path = video(tmp_path)
        opener = FaultyOpener(LocalFiles(tmp_path).open, [OSError(errno.EMFILE, os.strerror(errno.EMFILE))])
        async with session_with(f"disk:{2**40}", path, opener) as session:
            with pytest.raises(MachineUnavailable, match="Too many open files"):
                await session.receipt()


@dataclass
class FaultyOpener:
    """Raises what it was given, one each time, then opens."""

    inner: Callable[[MediaSource], Awaitable[OpenedSource]]
    errors: list[Exception] = field(default_factory=list)

    async def open(self, source: MediaSource) -> OpenedSource:
        if self.errors:
            raise self.errors.pop()
        return await self.inner(source)

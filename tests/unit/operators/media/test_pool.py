"""Decoder processes that hang, die or lie, and the pool that outlives them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from operators.errors import InvalidMedia
from operators.media.decoder_client import DECODER_COMMAND, DecoderLost
from operators.media.ipc_messages import DecodeRequest
from operators.media.limits import PREFERENCE, DecodeLimits
from operators.media.memory import SharedMemory
from operators.media.plan import PlanPolicy
from operators.media.pool import DecoderPool
from operators.media.shared_sessions import MediaSessions
from operators.media.sources.file import resolve_media
from operators.media.sources.media_roots import MediaRoot
from schemas.uploads import FileSource
from tests.hostile_media import write_video
from tests.opened_files import LocalFiles


@dataclass
class MemoryObserver:
    """Keeps what it is told."""

    causes: list[str] = field(default_factory=list)
    num_started: int = 0
    num_replaced: int = 0

    def decode_started(self, waited_seconds: float) -> None:
        self.num_started += 1

    def decode_finished(self, seconds: float, cause: str) -> None:
        self.causes.append(cause)

    def decoder_replaced(self) -> None:
        self.num_replaced += 1


@asynccontextmanager
async def faulty_pool(fault: str, limits: DecodeLimits | None = None) -> AsyncIterator[DecoderPool]:
    """One process that fails as told."""
    pool = DecoderPool(1, limits, command=(sys.executable, "-m", "tests.unit.operators.media.lying_decoder", fault))
    await pool.open()
    try:
        yield pool
    finally:
        await pool.close()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two seconds of video."""
    return write_video(tmp_path / "clip.mp4", num_frames=50)


async def cause_of(pool: DecoderPool, clip: Path) -> str:
    """Why decoding `clip` failed."""
    with pytest.raises(InvalidMedia) as caught:
        await sampled(pool, clip)
    return f"{caught.value.cause}: {caught.value.message}"


async def sampled(pool: DecoderPool, clip: Path) -> int:
    """Frames sampled of `clip`."""
    async with MediaSessions(pool, LocalFiles(clip.parent)).open("clip", FileSource(path=clip.name)) as session:
        return (await session.receipt()).frames_sampled


def descriptors() -> set[tuple[str, str]]:
    """Numbers and what they lead to, but for the listing's own."""
    links = {fd: os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")}
    return {(fd, link) for fd, link in links.items() if "/proc/" not in link}


class TestFaultyProcess:
    """What a process does wrong has a name, and costs one video."""

    async def test_hang(self, clip: Path) -> None:
        """A process that says nothing more is killed at the time limit."""
        async with faulty_pool("hang", DecodeLimits(wall_seconds=0.3)) as pool:
            (process_id,) = pool.process_ids
            assert (await cause_of(pool, clip)).startswith("media-decoder-timeout: ")
            assert not psutil.pid_exists(process_id)

    @pytest.mark.parametrize(
        ("fault", "cause"),
        [
            ("abort", "media-decoder-died: the decoder process ended: SIGABRT"),
            ("leave", "media-decoder-died: the decoder process ended: exit status 4"),
            ("spend CPU", "media-decoder-timeout: decoding used more than 60 s of CPU"),
        ],
    )
    async def test_death(self, fault: str, cause: str, clip: Path) -> None:
        """How it died is told; running out of CPU time is a timeout."""
        async with faulty_pool(fault) as pool:
            assert await cause_of(pool, clip) == cause

    @pytest.mark.parametrize("fault", ["babble", "boast", "lie about memory", "frames before plan"])
    async def test_nonsense(self, fault: str, clip: Path) -> None:
        """A process that breaks the protocol is killed: it may have been taken over by what it read."""
        async with faulty_pool(fault) as pool:
            with pytest.raises(DecoderLost):
                await sampled(pool, clip)
            assert pool.process_ids == ()

    async def test_no_start(self) -> None:
        """A process that does not start is an error of ours, said at once."""
        with pytest.raises(DecoderLost):
            async with faulty_pool("no start"):
                pass


class TestDecoderPool:
    """The real process."""

    @pytest.fixture
    async def pool(self) -> AsyncIterator[DecoderPool]:
        """One process, thirty seconds for a video."""
        self.observer = MemoryObserver()
        pool = DecoderPool(1, DecodeLimits(wall_seconds=30), observer=self.observer)
        await pool.open()
        yield pool
        await pool.close()

    async def test_killed_process_is_replaced(self, pool: DecoderPool, clip: Path) -> None:
        """After its process was killed from outside while idle, the pool decodes as before."""
        (process_id,) = pool.process_ids
        os.kill(process_id, signal.SIGKILL)
        os.waitid(os.P_PID, process_id, os.WEXITED | os.WNOWAIT)
        assert await sampled(pool, clip) == 2
        assert self.observer.num_replaced == 1

    async def test_killed_while_it_works(self, pool: DecoderPool, clip: Path) -> None:
        """Killed from outside during a decode, the video is decoded in a fresh process, and so is the next one."""
        (process_id,) = pool.process_ids
        os.kill(process_id, signal.SIGSTOP)
        decode = asyncio.create_task(sampled(pool, clip))
        while not self.observer.num_started:
            await asyncio.sleep(0)
        os.kill(process_id, signal.SIGKILL)
        assert await decode == 2
        assert await sampled(pool, clip) == 2
        assert self.observer.causes == ["media-decoder-killed", "", ""]

    async def test_stopped_process_is_a_timeout(self, clip: Path) -> None:
        """A process that stands still is killed and replaced."""
        pool = DecoderPool(1, DecodeLimits(wall_seconds=0.5))
        await pool.open()
        os.kill(pool.process_ids[0], signal.SIGSTOP)
        assert (await cause_of(pool, clip)).startswith("media-decoder-timeout")
        await pool.close()

    async def test_no_memory(self, clip: Path) -> None:
        """Output beyond the limit is refused as a matter of memory."""
        pool = DecoderPool(1, DecodeLimits(output_bytes=100_000))
        await pool.open()
        assert (await cause_of(pool, clip)).startswith("media-decoder-memory")
        await pool.close()

    async def test_cancelling_frees_the_process(self, pool: DecoderPool, clip: Path) -> None:
        """A cancelled decode ends its process; the next video finds another."""
        os.kill(pool.process_ids[0], signal.SIGSTOP)
        decode = asyncio.create_task(sampled(pool, clip))
        while not self.observer.num_started:
            await asyncio.sleep(0)
        decode.cancel()
        with pytest.raises(asyncio.CancelledError):
            await decode
        assert await sampled(pool, clip) == 2
        assert self.observer.causes == ["cancelled", ""]

    async def test_first_come_first_served(self, pool: DecoderPool, tmp_path: Path) -> None:
        """With one process, videos finish in the order in which they came."""
        clips = [write_video(tmp_path / f"{number}.mp4", num_frames=25) for number in range(4)]
        finished: list[str] = []

        async def decode(clip: Path) -> None:
            memory = SharedMemory(pool.limits.output_bytes)
            with resolve_media(str(clip), (MediaRoot(tmp_path),)) as media:
                request = DecodeRequest(media.size_bytes, PlanPolicy())
                await pool.decode(request, media.fd, memory.fd, lambda reply: None)
            memory.close()
            finished.append(clip.stem)

        await asyncio.gather(*(decode(clip) for clip in clips))
        assert finished == ["0", "1", "2", "3"]

    async def test_process_is_replaced_after_its_term(self, clip: Path) -> None:
        """A process serves a limited number of videos."""
        pool = DecoderPool(1, DecodeLimits(max_videos_per_process=1))
        await pool.open()
        first = pool.process_ids
        await sampled(pool, clip)
        await sampled(pool, clip)
        assert pool.process_ids != first
        await pool.close()

    async def test_close_leaves_nothing(self, clip: Path) -> None:
        """No process and no descriptor is left."""
        before = descriptors()
        pool = DecoderPool(2)
        await pool.open()
        process_ids = pool.process_ids
        await sampled(pool, clip)
        await pool.close()
        assert not any(psutil.pid_exists(process_id) for process_id in process_ids)
        async with asyncio.timeout(60):  # what threads of other tests open meanwhile goes; a leak stays
            while descriptors() - before:
                await asyncio.sleep(0.01)

    async def test_dies_with_its_parent(self, clip: Path) -> None:
        """The process asked the kernel to end it when its parent does, and may gain no privileges."""
        pool = DecoderPool(1)
        await pool.open()
        status = Path(f"/proc/{pool.process_ids[0]}/status").read_text()
        limits = Path(f"/proc/{pool.process_ids[0]}/limits").read_text()
        assert "NoNewPrivs:\t1" in status
        assert "Max core file size        0" in limits
        await pool.close()

    async def test_the_kernel_kills_it_before_its_parent(self, clip: Path) -> None:
        """Where memory runs out a decoder goes first: the video is decoded again, and nothing else is lost."""
        pool = DecoderPool(1)
        await pool.open()
        ours, theirs = (Path(f"/proc/{pid}/oom_score_adj").read_text() for pid in ("self", pool.process_ids[0]))
        assert int(theirs) == min(1000, int(ours) + PREFERENCE)
        await pool.close()

    async def test_torch_is_not_loaded(self, pool: DecoderPool, clip: Path) -> None:
        """A process that only decodes never maps torch."""
        await sampled(pool, clip)
        assert "libtorch" not in Path(f"/proc/{pool.process_ids[0]}/maps").read_text()

    def test_command_is_this_python(self) -> None:
        """Anyone who runs us runs the decoder."""
        assert DECODER_COMMAND[0] == sys.executable


class TestPoolForBackfill:
    async def test_starts_with_the_first_video_and_gives_way(self, clip: Path) -> None:
        """Nothing runs before it is needed; what then runs has the lowest priority, and is no replacement."""
        observer = MemoryObserver()
        pool = DecoderPool(1, observer=observer, niceness=19)
        assert pool.process_ids == ()
        try:
            await sampled(pool, clip)
            [process_id] = pool.process_ids
            assert (os.getpriority(os.PRIO_PROCESS, process_id), observer.num_replaced) == (19, 0)
            os.kill(process_id, signal.SIGKILL)
            os.waitid(os.P_PID, process_id, os.WEXITED | os.WNOWAIT)
            await sampled(pool, clip)
            [process_id] = pool.process_ids
            assert (os.getpriority(os.PRIO_PROCESS, process_id), observer.num_replaced) == (19, 1)
        finally:
            await pool.close()

"""Media that is fetched while it is decoded, through the real decoder process."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest

from operators.errors import InvalidMedia, SourceUnavailable, SpoolFull
from operators.media.plan import PlanPolicy
from operators.media.pool import DecoderPool
from operators.media.progressive_file import GRANULE_BYTES, ProgressiveFile
from operators.media.receipt import DecodeUsage
from operators.media.session import MediaSession
from operators.media.shared_sessions import MediaSessions
from ops.bench.long_clip import make_long_clip
from schemas.uploads import FileSource
from tests.hostile_media import HOSTILE_FILES, HostileFile, write_sound, write_video
from tests.opened_files import ArrivingFiles, LocalFiles


@pytest.fixture
async def pool() -> AsyncIterator[DecoderPool]:
    """One decoder process."""
    pool = DecoderPool(1)
    await pool.open()
    yield pool
    await pool.close()


async def pixels_of(session: MediaSession) -> list[bytes]:
    """All sampled frames."""
    return [frame.pixels.tobytes() async for frame in session.frames()]


async def decoded(pool: DecoderPool, files: ArrivingFiles, path: Path, policy: PlanPolicy | None = None) -> DecodeUsage:
    """The receipt of one decode."""
    async with MediaSessions(pool, files, policy).open("video", FileSource(path=str(path))) as session:
        return await session.receipt()


class TestSecondLook:
    """Pictures around sampled ones, by a decode of their own."""

    async def test_the_same_as_of_a_file(self, pool: DecoderPool, tmp_path: Path) -> None:
        """Media that is fetched as it is read gives the same pictures at the same times as a file that is here."""
        path = write_video(tmp_path / "clip.mp4", num_frames=200)
        found = []
        for files in (LocalFiles(tmp_path), ArrivingFiles()):
            async with MediaSessions(pool, files).open("video", FileSource(path=str(path))) as session:
                around = await session.look_around([4.48])
            found.append([(frame.pts_seconds, frame.pixels.tobytes()) for frame in around.frames])
            assert around.cpu_seconds > 0
        assert found[0] == found[1]
        assert [round(seconds, 2) for seconds, _ in found[0]] == [4.08, 4.36, 4.44, 4.52, 4.6, 4.88]

    async def test_pictures_are_those_of_the_first_look(self, pool: DecoderPool, tmp_path: Path) -> None:
        """Decoded again, a picture is bit by bit what it was: an answer does not hang on who decoded it."""
        path = write_video(tmp_path / "clip.mp4", num_frames=100)
        policy = PlanPolicy(frames_per_second=25.0, max_frames=100)
        async with MediaSessions(pool, LocalFiles(tmp_path), policy).open("v", FileSource(path=str(path))) as session:
            sampled = {frame.pts_seconds: frame.pixels.tobytes() async for frame in session.frames()}
            around = await session.look_around([2.0])
        assert len(around.frames) == 6
        assert all(sampled[frame.pts_seconds] == frame.pixels.tobytes() for frame in around.frames)

    async def test_pictures_of_clips(self, pool: DecoderPool, tmp_path: Path) -> None:
        """Those that are shown at the wanted times, bit by bit as in the first decode, and no others."""
        path = write_video(tmp_path / "clip.mp4", num_frames=100)
        policy = PlanPolicy(frames_per_second=25.0, max_frames=100)
        groups = [(0.0, 0.2, 0.4), (2.5, 2.6, 2.7)]
        async with MediaSessions(pool, LocalFiles(tmp_path), policy).open("v", FileSource(path=str(path))) as session:
            sampled = {round(frame.pts_seconds, 2): frame.pixels.tobytes() async for frame in session.frames()}
            looked = await session.pictures_at(groups)
        found = {round(frame.pts_seconds, 2): frame.pixels.tobytes() for frame in looked.frames}
        shown = [max(at for at in sampled if at <= wanted + 1e-3) for group in groups for wanted in group]
        assert {at: sampled[at] for at in shown} == found

    async def test_media_that_is_gone(self, pool: DecoderPool, tmp_path: Path) -> None:
        """Nobody is found where the media does not open any more; what was found before stays."""
        path = write_video(tmp_path / "clip.mp4", num_frames=50)
        async with MediaSessions(pool, LocalFiles(tmp_path)).open("video", FileSource(path=str(path))) as session:
            num_frames = len([frame async for frame in session.frames()])
            path.rename(tmp_path / "elsewhere.mp4")
            assert (await session.look_around([0.5])).frames == ()
            assert len([frame async for frame in session.frames()]) == num_frames == 2

    async def test_a_kill_from_outside(self, tmp_path: Path) -> None:
        """A decoder that is killed meanwhile is replaced once, and the pictures come."""
        path = write_video(tmp_path / "clip.mp4", num_frames=100)
        pool = DecoderPool(1)
        await pool.open()
        async with MediaSessions(pool, LocalFiles(tmp_path)).open("video", FileSource(path=str(path))) as session:
            await session.receipt()
            os.kill(pool.process_ids[0], signal.SIGKILL)
            assert len((await session.look_around([2.0])).frames) == 6
        await pool.close()


class TestArrivingFile:
    """What FFmpeg reads through."""

    @pytest.fixture
    def asked(self) -> list[tuple[int, int]]:
        return []

    def file(self, tmp_path: Path, asked: list[tuple[int, int]], *, comes: bool = True) -> ProgressiveFile:
        """Five and a half granules, each byte telling its granule."""
        path = tmp_path / "file"
        path.write_bytes(b"".join(bytes([number]) * GRANULE_BYTES for number in range(6))[: 11 * GRANULE_BYTES // 2])
        self.opened = path.open("rb")

        def ask(start: int, stop: int) -> bool:
            asked.append((start, stop))
            return comes

        return ProgressiveFile(self.opened.fileno(), path.stat().st_size, ask)

    def test_asks_once_for_each_part(self, tmp_path: Path, asked: list[tuple[int, int]]) -> None:
        """Whole granules, missing ones in one go, and nothing twice; the last one ends with the file."""
        file = self.file(tmp_path, asked)
        file.seek(2 * GRANULE_BYTES + 5)
        assert file.read(10) == b"\2" * 10
        assert file.read(10) == b"\2" * 10
        file.seek(0)
        assert len(file.read(10 * GRANULE_BYTES)) == 11 * GRANULE_BYTES // 2
        assert asked == [(2 * GRANULE_BYTES, 3 * GRANULE_BYTES), (0, 11 * GRANULE_BYTES // 2)]

    def test_ends_where_it_never_comes(self, tmp_path: Path, asked: list[tuple[int, int]]) -> None:
        """A refusal is the end of the file, now and for whatever is read later, without asking again."""
        file = self.file(tmp_path, asked, comes=False)
        assert file.read(10) == b""
        file.seek(4 * GRANULE_BYTES)
        assert (file.read(10), file.ensure_all(), len(asked)) == (b"", False, 1)

    def test_seeks_like_a_file(self, tmp_path: Path, asked: list[tuple[int, int]]) -> None:
        """From the start, from here, from the end; nowhere is -1, and beyond the end nothing is read or asked."""
        file = self.file(tmp_path, asked)
        size = 11 * GRANULE_BYTES // 2
        assert (file.seek(7), file.seek(3, 1), file.seek(-1, 2), file.tell()) == (7, 10, size - 1, size - 1)
        assert (file.seek(-1), file.seek(0, 77)) == (-1, -1)
        assert file.seek(size + 100) == size + 100
        assert (file.read(5), asked) == (b"", [])


class TestArrivingMedia:
    """What agents get of it."""

    @pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.ts", "clip.avi"])
    async def test_decodes_as_a_file_does(self, name: str, pool: DecoderPool, tmp_path: Path) -> None:
        """The same pictures and the same sound, although no byte was there at first."""
        path = write_video(tmp_path / name, num_frames=100, sound_seconds=4.0, index_first=False)
        found = []
        for opener in (LocalFiles(tmp_path), ArrivingFiles()):
            async with MediaSessions(pool, opener).open("video", FileSource(path=str(path))) as session:
                audio = await session.audio()
                assert audio is not None
                found.append((await pixels_of(session), audio.speech.copy(), await session.motion()))
        (pixels, speech, motion), (pixels_arrived, speech_arrived, motion_arrived) = found
        assert pixels == pixels_arrived
        assert np.array_equal(speech, speech_arrived)
        assert motion is not None and motion_arrived is not None
        assert np.array_equal(motion.luma, motion_arrived.luma)

    async def test_sound_alone(self, pool: DecoderPool, tmp_path: Path) -> None:
        """Media without pictures arrives, too."""
        path = write_sound(tmp_path / "tone.wav", seconds=2.0)
        assert (await decoded(pool, ArrivingFiles(), path)).audio_seconds == pytest.approx(2.0, abs=0.1)

    async def test_receipt_counts_what_was_fetched(self, pool: DecoderPool, tmp_path: Path) -> None:
        """`bytes_read` is what came over the network; what was opened is closed."""
        path = write_video(tmp_path / "clip.mp4", num_frames=50)
        files = ArrivingFiles()
        receipt = await decoded(pool, files, path)
        assert receipt.bytes_read == files.opened[0].bytes_fetched == path.stat().st_size
        assert files.opened[0].is_closed

    @pytest.mark.parametrize("is_index_first", [True, False])
    async def test_a_long_video_is_not_pulled(
        self, is_index_first: bool, pool: DecoderPool, tmp_path: Path, samples: Path
    ) -> None:
        """Of 60 MB of MP4, wherever its index is, a sparse plan fetches a fraction, in few and large enough reads."""
        clip = make_long_clip(
            samples / "bigbuckbunny.mp4", tmp_path / "long.mp4", is_index_first=is_index_first, seconds=95.0
        )
        size_bytes = clip.stat().st_size
        assert size_bytes > 60_000_000
        files = ArrivingFiles()
        sparse = PlanPolicy(
            full_decode_max_packets=0, max_frames=12, num_dense_segments=1, max_remote_audio_seconds=10.0
        )
        receipt = await decoded(pool, files, clip, sparse)
        (opened,) = files.opened
        assert receipt.frames_sampled >= 11
        assert receipt.audio_seconds == pytest.approx(10.0, abs=1.5)
        assert opened.bytes_fetched < size_bytes / 4
        assert opened.bytes_fetched / len(opened.asked) >= GRANULE_BYTES

    async def test_waiting_is_not_decoding(
        self, pool: DecoderPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What takes long to come does not use up the decode's time."""
        loop, late_seconds = asyncio.get_running_loop(), 0.0
        loop_time = loop.time
        monkeypatch.setattr(loop, "time", lambda: loop_time() + late_seconds)  # what is tested is the loop's own time

        def before(_start: int, _stop: int) -> None:
            nonlocal late_seconds
            late_seconds += 2 * pool.limits.wall_seconds

        path = write_video(tmp_path / "clip.mp4", num_frames=50)
        assert (await decoded(pool, ArrivingFiles(before=before), path)).frames_sampled == 2
        assert late_seconds > 0

    @pytest.mark.parametrize(
        "failure",
        [
            InvalidMedia("media-changed", "it is another one now"),
            SourceUnavailable("https://cdn.example:443", "no answer"),
            SpoolFull("spool", "the disk is full"),
        ],
    )
    @pytest.mark.parametrize("number", [0, 3])
    async def test_what_never_comes_ends_the_decode(
        self, failure: Exception, number: int, pool: DecoderPool, tmp_path: Path
    ) -> None:
        """Every agent gets that very error, at once or in the middle; the process goes on with the next video."""
        before = pool.process_ids
        padded = {"x264-params": "nal-hrd=cbr:bitrate=4000:vbv-maxrate=4000:vbv-bufsize=4000"}
        path = write_video(tmp_path / "clip.mp4", num_frames=100, options=padded)
        files = ArrivingFiles(before=self.failing(failure, number))
        async with MediaSessions(pool, files).open("video", FileSource(path=str(path))) as session:
            asked = (session.receipt(), session.motion(), pixels_of(session))
            errors = await asyncio.gather(*asked, return_exceptions=True)
            assert all(error is failure for error in errors)
        assert files.opened[0].is_closed
        assert (await decoded(pool, ArrivingFiles(), path)).frames_sampled == 4
        assert pool.process_ids == before

    def failing(self, failure: Exception, number: int) -> Callable[[int, int], None]:
        """Let `number` ranges come, then fail."""
        come = iter(range(number))

        def before(_start: int, _stop: int) -> None:
            if next(come, None) is None:
                raise failure

        return before

    async def test_cancelling_while_it_waits(self, pool: DecoderPool, tmp_path: Path) -> None:
        """A session that is closed while its media is awaited ends at once, and the pool serves on."""
        path = write_video(tmp_path / "clip.mp4", num_frames=50)
        files = ArrivingFiles(gate=asyncio.Event())
        async with MediaSessions(pool, files).open("video", FileSource(path=str(path))) as session:
            asking = asyncio.create_task(session.receipt())
            while not (files.opened and files.opened[0].asked):
                await asyncio.sleep(0.01)
            asking.cancel()
        assert files.opened[0].is_closed
        assert (await decoded(pool, ArrivingFiles(), path)).frames_sampled == 2


class TestHostileMedia:
    """Media that arrives reaches nothing but its own bytes."""

    @pytest.mark.parametrize("file", HOSTILE_FILES.values(), ids=HOSTILE_FILES.keys())
    async def test_comes_to_the_same_end(self, file: HostileFile, tmp_path: Path, pool: DecoderPool) -> None:
        """As a file of ours does."""
        path = file.build(tmp_path / file.name)
        if path.stat().st_size == 0 or file in (HOSTILE_FILES["16K"], HOSTILE_FILES["8K"]):
            pytest.skip("empty, or a picture that takes seconds to make")
        try:
            receipt = await decoded(pool, ArrivingFiles(), path)
        except InvalidMedia as fault:
            assert fault.cause == file.cause, fault.message
        else:
            assert file.cause is None
            assert (receipt.frames_sampled > 0) is file.has_frames

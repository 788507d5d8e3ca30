"""What comes of each hostile file, through real decoder processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from operators.errors import InvalidMedia
from operators.media.pool import DecoderPool
from operators.media.session import MediaSession
from operators.media.shared_sessions import MediaSessions
from schemas.uploads import FileSource
from tests.hostile_media import HOSTILE_FILES, HostileFile
from tests.opened_files import LocalFiles


async def _num_frames(session: MediaSession) -> int:
    return len([frame async for frame in session.frames()])


class TestHostileFiles:
    """Each file costs itself and nothing else."""

    @pytest.mark.parametrize("file", HOSTILE_FILES.values(), ids=HOSTILE_FILES.keys())
    async def test_comes_to_the_stated_end(self, file: HostileFile, tmp_path: Path, pool: DecoderPool) -> None:
        """A refused file names its cause; an odd one is analysed; the process outlives both."""
        before = pool.process_ids
        path = file.build(tmp_path / file.name)
        async with MediaSessions(pool, LocalFiles(tmp_path)).open("video", FileSource(path=path.name)) as session:
            if file.cause is not None:
                with pytest.raises(InvalidMedia) as caught:
                    await session.receipt()
                assert caught.value.cause == file.cause, caught.value.message
            else:
                receipt = await session.receipt()
                assert (await _num_frames(session) > 0) is file.has_frames
                assert receipt.frames_sampled == await _num_frames(session)
        assert pool.process_ids == before

    async def test_truncated_file_counts_its_damage(self, tmp_path: Path, pool: DecoderPool) -> None:
        """The duration is that of what is left, and coverage counts what is missing."""
        path = HOSTILE_FILES["truncated"].build(tmp_path / "truncated.mp4")
        async with MediaSessions(pool, LocalFiles(tmp_path)).open("video", FileSource(path=path.name)) as session:
            index = await session.index()
            assert index.claimed_duration_seconds == pytest.approx(4.0, abs=0.1)
            assert 1.0 < index.duration_seconds < 3.5
            receipt = await session.receipt()
            assert receipt.video is not None
            assert receipt.video.length_ratio == pytest.approx(index.duration_seconds / 4.0, abs=0.05)
            assert 0.25 <= receipt.coverage_ratio < 0.9

    async def test_noise_is_counted(self, tmp_path: Path, pool: DecoderPool) -> None:
        """Broken packets are skipped and stated in the receipt."""
        path = HOSTILE_FILES["noise in the middle"].build(tmp_path / "noise.mp4")
        async with MediaSessions(pool, LocalFiles(tmp_path)).open("video", FileSource(path=path.name)) as session:
            assert (await session.receipt()).decode_errors > 0

    async def test_broken_sound_fails_the_sound_alone(self, tmp_path: Path, pool: DecoderPool) -> None:
        """Pictures are analysed; anyone who asks for the sound is told that it is broken, never that it is silent."""
        path = HOSTILE_FILES["broken sound"].build(tmp_path / "badsound.mp4")
        async with MediaSessions(pool, LocalFiles(tmp_path)).open("video", FileSource(path=path.name)) as session:
            assert await _num_frames(session) == 2
            with pytest.raises(InvalidMedia) as caught:
                await session.audio()
            assert caught.value.cause == "media-damaged"

    async def test_three_hours_cost_little(self, tmp_path: Path, pool: DecoderPool) -> None:
        """A long file of few packets is decoded in full: one frame for each wanted stretch of the whole duration."""
        path = HOSTILE_FILES["three hours"].build(tmp_path / "long.mp4")
        async with MediaSessions(pool, LocalFiles(tmp_path)).open("video", FileSource(path=path.name)) as session:
            receipt = await session.receipt()
            assert receipt.frames_decoded <= 90
            frames = [frame.pts_seconds async for frame in session.frames()]
            assert frames[-1] > 10_000

"""Short clips with bytes changed, through the real decoder process: media, or the media's fault, and nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from operators.errors import InvalidMedia, MediaCause
from operators.media.pool import DecoderPool
from operators.media.shared_sessions import MediaSessions
from schemas.uploads import FileSource
from tests.hostile_media import write_sound, write_video
from tests.opened_files import LocalFiles

MAKERS = {
    "clip.mp4": lambda path: write_video(path, num_frames=12, sound_seconds=0.5),
    "clip.mkv": lambda path: write_video(path, num_frames=12, sound_seconds=0.5),
    "clip.ts": lambda path: write_video(path, num_frames=12, sound_seconds=0.5),
    "sound.wav": lambda path: write_sound(path, seconds=0.3),
}
"""One of each way in which containers are read."""

changes = st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=8)), max_size=6)
cuts = st.floats(0.05, 1.0)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The clips as they were written."""
    folder = tmp_path_factory.mktemp("clips")
    return {name: make(folder / name).read_bytes() for name, make in MAKERS.items()}


def changed(clip: bytes, places: list[tuple[float, bytes]], cut: float) -> bytes:
    """A clip with bytes overwritten, and its end cut off."""
    data = bytearray(clip)
    for place, new in places:
        start = int(place * (len(data) - 1))
        data[start : start + len(new)] = new
    return bytes(data[: max(1, int(cut * len(data)))])


async def verdict_on(content: bytes, name: str) -> str:
    """Decode; "" where something came of it, else the media's fault. Raises whatever else is said."""
    pool = DecoderPool(1)
    try:
        with TemporaryDirectory() as folder:
            (Path(folder) / name).write_bytes(content)
            async with MediaSessions(pool, LocalFiles(Path(folder))).open("a", FileSource(path=name)) as session:
                await session.receipt()
    except InvalidMedia as fault:
        return fault.cause
    finally:
        await pool.close()
    return ""


class TestAnyBytes:
    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(name=st.sampled_from(sorted(MAKERS)), places=changes, cut=cuts)
    def test_a_changed_clip(
        self, clips: dict[str, bytes], name: str, places: list[tuple[float, bytes]], cut: float
    ) -> None:
        """No change of bytes is an internal error or the machine's fault."""
        assert asyncio.run(verdict_on(changed(clips[name], places, cut), name)) in {"", *get_args(MediaCause)}

    @pytest.mark.parametrize("name", sorted(MAKERS))
    def test_an_unchanged_clip_is_media(self, clips: dict[str, bytes], name: str) -> None:
        """The cases above begin with something that decodes."""
        assert asyncio.run(verdict_on(clips[name], name)) == ""

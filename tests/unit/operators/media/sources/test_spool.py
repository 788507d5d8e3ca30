"""A spool never holds more than it may, never waits for ever, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.errors import InvalidMedia, MachineUnavailable, SpoolFull
from operators.media.sources import spool as spool_module
from operators.media.sources.spool import Spool, SpoolFile
from schemas.uploads import UrlSource
from tests.support.http_origin import Behaviour, HttpOrigin
from tests.unit.operators.media.sources.conftest import CLIP, Opening, content


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(20):
        await asyncio.sleep(0)


class TestSpool:
    """`Spool`."""

    async def test_files_have_no_name(self, tmp_path: Path) -> None:
        """Nothing is in the folder, so nothing is left after a SIGKILL; the file is sparse and reads as zeros."""
        spool = Spool(tmp_path / "new" / "spool", 10_000_000)
        file = await spool.reserve(5_000_000, "a")
        assert os.listdir(tmp_path / "new" / "spool") == []
        assert os.fstat(file.fd).st_size == 5_000_000
        assert os.fstat(file.fd).st_blocks == 0
        assert os.pread(file.fd, 3, 100) == bytes(3)
        await file.write(100, b"abc")
        assert os.pread(file.fd, 3, 100) == b"abc"
        file.close()

    async def test_without_nameless_files(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A file system that has none gets a file that is unlinked at once."""
        real_open = os.open

        def refusing(path: object, flags: int, *rest: int, **words: int) -> int:
            if flags & os.O_TMPFILE == os.O_TMPFILE:
                raise OSError(errno.EOPNOTSUPP, "not supported")
            return real_open(path, flags, *rest, **words)  # type: ignore[call-overload, no-any-return]

        monkeypatch.setattr(spool_module.os, "open", refusing)
        file = await Spool(tmp_path, 100).reserve(100, "a")
        await file.write(0, b"abc")
        assert os.pread(file.fd, 3, 0) == b"abc"
        assert os.listdir(tmp_path) == []
        file.close()

    async def test_first_come_first_served(self, tmp_path: Path) -> None:
        """A small medium does not overtake a large one that waits, or the large one might wait for ever."""
        spool = Spool(tmp_path, 100)
        first = await spool.reserve(60, "first")
        large = asyncio.create_task(spool.reserve(80, "large"))
        small = asyncio.create_task(spool.reserve(10, "small"))
        await settle()
        assert not large.done()
        assert not small.done()
        first.close()
        await settle()
        assert large.done()
        assert small.done()
        assert spool.reserved_bytes == 90

    async def test_larger_than_the_spool(self, tmp_path: Path) -> None:
        """It would wait for ever."""
        with pytest.raises(InvalidMedia) as caught:
            await Spool(tmp_path, 100).reserve(101, "a")
        assert caught.value.cause == "media-too-large"

    async def test_who_gives_up_waiting_lets_the_next_in(self, tmp_path: Path) -> None:
        """A cancelled wait holds no place and no room."""
        spool = Spool(tmp_path, 100)
        held = await spool.reserve(50, "held")
        large = asyncio.create_task(spool.reserve(80, "large"))
        small = asyncio.create_task(spool.reserve(50, "small"))
        await settle()
        large.cancel()
        (await small).close()
        held.close()
        assert (spool.reserved_bytes, spool.num_waiting) == (0, 0)

    async def test_cancelled_when_just_let_in(self, tmp_path: Path) -> None:
        """Room that was given in the same moment is given back."""
        spool = Spool(tmp_path, 100)
        held = await spool.reserve(100, "held")
        waiting = asyncio.create_task(spool.reserve(80, "waiting"))
        await settle()
        held.close()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert spool.reserved_bytes == 0

    async def test_growing_waits_for_nobody(self, tmp_path: Path) -> None:
        """Two that hold room and want more would wait for each other."""
        spool = Spool(tmp_path, 100)
        one, other = await spool.reserve(50, "one"), await spool.reserve(40, "other")
        one.grow(60)
        with pytest.raises(SpoolFull):
            other.grow(41)
        one.close()
        other.grow(90)
        other.shrink(5)
        assert spool.reserved_bytes == 5
        other.close()
        assert spool.reserved_bytes == 0

    async def test_growing_does_not_pass_those_who_wait(self, tmp_path: Path) -> None:
        """Else a stream of small growths would keep a large file out for ever; room that nobody waits for is free."""
        spool = Spool(tmp_path, 100)
        held = await spool.reserve(50, "held")
        waiting = asyncio.create_task(spool.reserve(80, "waiting"))
        await settle()
        assert not spool.has_room(1)
        with pytest.raises(SpoolFull):
            held.grow(51)
        assert (spool.reserved_bytes, held.size_bytes) == (50, 50)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        held.grow(51)
        assert spool.reserved_bytes == 51
        held.close()

    @given(st.lists(st.tuples(st.integers(1, 100), st.booleans()), max_size=25))
    async def test_any_order(self, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, bool]]) -> None:
        """Whatever is asked for and anyone who gives up: never over capacity, and everybody else is served."""
        spool = Spool(tmp_path_factory.getbasetemp(), 100)

        async def use(num_bytes: int) -> None:
            file = await spool.reserve(num_bytes, "a")
            try:
                assert spool.reserved_bytes <= 100
                await asyncio.sleep(0)
            finally:
                file.close()

        tasks = [(asyncio.create_task(use(num_bytes)), gives_up) for num_bytes, gives_up in steps]
        await asyncio.sleep(0)
        for task, gives_up in tasks:
            if gives_up:
                task.cancel()
        outcomes = await asyncio.gather(*(task for task, _ in tasks), return_exceptions=True)
        assert all(outcome is None or isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
        assert (spool.reserved_bytes, spool.num_waiting) == (0, 0)


class FullDisk:
    """A disk that takes so many bytes, in small bites, and then has no room."""

    def __init__(self, num_bytes: int, code: int = errno.ENOSPC) -> None:
        self.num_bytes = num_bytes
        self._code = code

    def write(self, fd: int, piece: bytes | memoryview, offset: int) -> int:
        if not self.num_bytes:
            raise OSError(self._code, os.strerror(self._code))
        bite = memoryview(piece)[: min(self.num_bytes, 700)]
        self.num_bytes -= len(bite)
        return os.pwrite(fd, bite, offset)


class TestFullDisk:
    """Writes that fail."""

    @pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
    async def test_no_room(self, tmp_path: Path, code: int) -> None:
        """A full disk and a full quota are waited for."""
        file = await Spool(tmp_path, 5_000, write=FullDisk(1_000, code).write).reserve(5_000, "a")
        await file.write(0, bytes(1_000))
        with pytest.raises(SpoolFull):
            await file.write(1_000, bytes(1_000))
        file.close()

    async def test_broken_disk(self, tmp_path: Path) -> None:
        """Any other failure of the disk is not the media's either: it is waited for, and named."""
        file: SpoolFile = await Spool(tmp_path, 5_000, write=FullDisk(0, errno.EIO).write).reserve(5_000, "a")
        with pytest.raises(MachineUnavailable, match="Input/output error"):
            await file.write(0, b"x")
        file.close()

    async def test_short_writes_are_continued(self, tmp_path: Path, opened: Opening, origin: HttpOrigin) -> None:
        """A disk may take less than it was given."""
        spool = Spool(tmp_path / "disk", 100_000, write=FullDisk(1_000_000).write)
        async with opened(UrlSource(url=origin.put("/clip.mp4", CLIP)), spool=spool) as media:
            assert await content(media) == CLIP

    @pytest.mark.parametrize(
        "behaviour", [Behaviour(), Behaviour(accepts_ranges=False), Behaviour(accepts_ranges=False, has_length=False)]
    )
    @pytest.mark.parametrize("num_bytes", [0, 500, 20_000])
    async def test_fetching_onto_a_full_disk(
        self, tmp_path: Path, opened: Opening, origin: HttpOrigin, behaviour: Behaviour, num_bytes: int
    ) -> None:
        """Who reads gets `SpoolFull`, whenever it happens, and all room is given back."""
        spool = Spool(tmp_path / "disk", 100_000, write=FullDisk(num_bytes).write)
        with pytest.raises(SpoolFull):
            async with opened(UrlSource(url=origin.put("/clip.mp4", CLIP, behaviour)), spool=spool) as media:
                await media.ensure(0, len(CLIP))
        assert spool.reserved_bytes == 0

    async def test_growth_that_finds_no_room(self, tmp_path: Path, opened: Opening, origin: HttpOrigin) -> None:
        """A body without length gives up what it holds instead of waiting for more."""
        spool = Spool(tmp_path / "disk", 60_000)
        other = await spool.reserve(40_000, "other")
        url = origin.put("/clip.mp4", CLIP, Behaviour(accepts_ranges=False, has_length=False))
        with pytest.raises(SpoolFull):
            async with opened(UrlSource(url=url), spool=spool):
                pass
        assert spool.reserved_bytes == 40_000
        other.close()
        async with opened(UrlSource(url=url), spool=spool) as media:
            assert await content(media) == CLIP

"""What holds for every kind of source: the same bytes, the same refusals."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from operators.errors import InvalidMedia, MediaCause
from operators.media.sources.spool import Spool
from schemas.uploads import FileSource, MediaSource, ObjectSource, UrlSource
from tests.support.http_origin import Behaviour, HttpOrigin
from tests.support.object_store import ObjectStore
from tests.unit.operators.media.sources.conftest import CLIP, SMALL, Opening, content


@dataclass(frozen=True)
class Kind:
    """One way to lie somewhere."""

    put: Callable[[bytes], MediaSource]
    nowhere: MediaSource


@pytest.fixture(params=["file", "http with ranges", "http without ranges", "http without length", "s3"])
def kind(request: pytest.FixtureRequest, tmp_path: Path, origin: HttpOrigin, store: ObjectStore) -> Kind:
    """Every kind in turn."""

    def put_file(held: bytes) -> MediaSource:
        (tmp_path / "clip.mp4").write_bytes(held)
        return FileSource(path="clip.mp4")

    def put_url(behaviour: Behaviour) -> Callable[[bytes], MediaSource]:
        return lambda held: UrlSource(url=origin.put("/clip.mp4", held, behaviour) + "?signature=hush")

    no_url = UrlSource(url=f"{origin.base_url}/none.mp4?signature=hush")
    kinds = {
        "file": Kind(put_file, FileSource(path="none.mp4")),
        "http with ranges": Kind(put_url(Behaviour()), no_url),
        "http without ranges": Kind(put_url(Behaviour(accepts_ranges=False)), no_url),
        "http without length": Kind(put_url(Behaviour(accepts_ranges=False, has_length=False)), no_url),
        "s3": Kind(
            lambda held: ObjectSource(url=store.put("uploads", "day/clip.mp4", held)),
            ObjectSource(url="s3://uploads/day/none.mp4"),
        ),
    }
    return kinds[request.param]


async def refusal(opened: Opening, source: MediaSource, **words: Any) -> InvalidMedia:
    """Why `source` is refused, at open or when it is read."""
    with pytest.raises(InvalidMedia) as caught:
        async with opened(source, **words) as media:
            await media.ensure(0, media.size_bytes)
    assert "hush" not in caught.value.message
    return caught.value


class TestEveryKind:
    """`SourceOpener.open`, over all kinds."""

    @pytest.mark.parametrize("num_bytes", [1, 999, 1_000, 1_001, 4_000, 4_001, len(CLIP)])
    async def test_gives_the_bytes(self, kind: Kind, opened: Opening, num_bytes: int) -> None:
        """Lengths around the probe and the block come whole, and `is_whole` reports it."""
        async with opened(kind.put(CLIP[:num_bytes])) as media:
            assert media.size_bytes == num_bytes
            assert await content(media) == CLIP[:num_bytes]
            await asyncio.sleep(0)
            assert media.is_whole

    async def test_gives_any_range(self, kind: Kind, opened: Opening) -> None:
        """Ranges anywhere, overlapping, asked for at the same time, are right when `ensure` returns."""
        ranges = [(49_000, len(CLIP)), (0, 10), (3_999, 4_001), (20_000, 30_000), (25_000, 26_000), (7, 7), (1, 50_000)]
        async with opened(kind.put(CLIP)) as media:
            parts = await asyncio.gather(*(content(media, *part) for part in ranges))
        assert parts == [CLIP[start:stop] for start, stop in ranges]

    async def test_range_beyond_the_end(self, kind: Kind, opened: Opening) -> None:
        """What is behind the end is not waited for."""
        async with opened(kind.put(CLIP)) as media:
            await media.ensure(len(CLIP) - 5, len(CLIP) + 5_000)
            assert os.pread(media.fd, 100, len(CLIP) - 5) == CLIP[-5:]

    async def test_missing(self, kind: Kind, opened: Opening) -> None:
        """Nothing is there."""
        assert (await refusal(opened, kind.nowhere)).cause == "media-missing"

    async def test_empty(self, kind: Kind, opened: Opening) -> None:
        """An object without bytes."""
        assert (await refusal(opened, kind.put(b""))).cause == "media-empty"

    async def test_too_large(self, kind: Kind, opened: Opening) -> None:
        """One byte more than allowed; as many as allowed are fine."""
        source = kind.put(CLIP)
        limits = replace(SMALL, max_bytes=len(CLIP) - 1)
        assert (await refusal(opened, source, limits=limits)).cause == "media-too-large"
        async with opened(source, limits=replace(SMALL, max_bytes=len(CLIP))) as media:
            assert await content(media) == CLIP

    async def test_checksum(self, kind: Kind, opened: Opening) -> None:
        """A wrong SHA-256 is refused; with the right one everything is here when `open` returns."""
        source = kind.put(CLIP)
        wrong = msgspec.structs.replace(source, sha256="0" * 64)
        right = msgspec.structs.replace(source, sha256=hashlib.sha256(CLIP).hexdigest())
        assert (await refusal(opened, wrong)).cause == "media-checksum"
        async with opened(right) as media:
            assert media.is_whole
            assert os.pread(media.fd, len(CLIP), 0) == CLIP

    @pytest.mark.parametrize("named_bytes", [1, len(CLIP) - 1, len(CLIP) + 1])
    async def test_other_size_than_named(self, kind: Kind, opened: Opening, named_bytes: int) -> None:
        """The event names another length."""
        source = msgspec.structs.replace(kind.put(CLIP), size_bytes=named_bytes)
        assert (await refusal(opened, source)).cause == "media-size-mismatch"

    async def test_named_size(self, kind: Kind, opened: Opening) -> None:
        """The event names the right length."""
        async with opened(msgspec.structs.replace(kind.put(CLIP), size_bytes=len(CLIP))) as media:
            assert media.size_bytes == len(CLIP)

    async def test_cannot_be_written(self, kind: Kind, opened: Opening) -> None:
        """The descriptor that decoders get is for reading."""
        async with opened(kind.put(CLIP)) as media:
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.pwrite(media.fd, b"x", 0)

    @pytest.mark.parametrize("cause", ["media-missing", "media-checksum", "media-too-large"])
    async def test_refusal_leaves_nothing(self, kind: Kind, opened: Opening, spool: Spool, cause: MediaCause) -> None:
        """After a refusal neither descriptors nor room nor tasks are held."""
        source = kind.nowhere
        if cause != "media-missing":
            held = CLIP if cause == "media-checksum" else bytes(SMALL.max_bytes + 1)
            source = msgspec.structs.replace(kind.put(held), sha256="0" * 64)
        before = spool_descriptors(spool)
        assert (await refusal(opened, source)).cause == cause
        assert spool_descriptors(spool) == before
        assert spool.reserved_bytes == 0
        assert len(asyncio.all_tasks()) == 1


def spool_descriptors(spool: Spool) -> list[str]:
    """Open files below the spool's folder."""
    links = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
    return [link for link in links if "spool" in link]

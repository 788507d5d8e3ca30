"""Openers for tests of what is above them: whole files, and files that come as far as they are asked for."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from operators.media.sources.file import open_file
from operators.media.sources.media_roots import MediaRoot
from operators.media.sources.opened_source import OpenedSource
from schemas.uploads import FileSource, MediaSource


@dataclass
class LocalFiles:
    """Opens files below one folder."""

    root: Path

    async def open(self, source: MediaSource) -> OpenedSource:
        assert isinstance(source, FileSource)
        return await open_file(source.path, (MediaRoot(self.root),), max_bytes=2**40, named_bytes=None)


@dataclass
class ArrivingMedia:
    """A file of which nothing is there until it is asked for; reading what was not asked for finds zeros."""

    path: Path
    before: Callable[[int, int], object]
    """Called with each range; may raise."""
    gate: asyncio.Event | None
    fd: int = -1
    size_bytes: int = 0
    bytes_fetched: int = 0
    asked: list[tuple[int, int]] = field(default_factory=list)
    is_whole: bool = False
    is_closed: bool = False

    def __post_init__(self) -> None:
        self.size_bytes = self.path.stat().st_size
        self.fd = os.memfd_create("arriving")
        os.truncate(self.fd, self.size_bytes)

    @property
    def name(self) -> str:
        return str(self.path)

    async def ensure(self, start: int, stop: int) -> None:
        self.asked.append((start, stop))
        if self.gate is not None:
            await self.gate.wait()
        self.before(start, stop)
        with self.path.open("rb") as file:
            os.pwrite(self.fd, os.pread(file.fileno(), stop - start, start), start)
        self.bytes_fetched += stop - start

    async def aclose(self) -> None:
        self.is_closed = True
        os.close(self.fd)


@dataclass
class ArrivingFiles:
    """Opens any file as one that arrives."""

    before: Callable[[int, int], object] = lambda _start, _stop: None
    gate: asyncio.Event | None = None
    opened: list[ArrivingMedia] = field(default_factory=list)

    async def open(self, source: MediaSource) -> OpenedSource:
        assert isinstance(source, FileSource)
        self.opened.append(ArrivingMedia(Path(source.path), self.before, self.gate))
        return self.opened[-1]

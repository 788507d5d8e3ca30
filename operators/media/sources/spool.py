"""The spool for fetched media: nameless files below a size limit, removed when they are closed."""

from __future__ import annotations

import asyncio
import errno
import os
import tempfile
from collections import deque
from collections.abc import Callable
from pathlib import Path

from operators.errors import InvalidMedia, MachineUnavailable, SpoolFull

Write = Callable[[int, bytes | memoryview, int], int]
"""As `os.pwrite`: descriptor, bytes, offset; returns how many were written."""

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_NAMELESS_FILES = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL})


class Spool:
    """A folder of which at most `capacity_bytes` are used.

    Callers wait for room in order, and hold nothing of the spool while waiting, so there is no deadlock. One spool per
    folder and process; several processes divide the disk by their capacities.

    Args:
        folder: on a disk with room; created if missing.
        capacity_bytes: of all reservations together.
        write: writes to a file; tests replace it by a full disk.
    """

    def __init__(self, folder: Path, capacity_bytes: int, *, write: Write = os.pwrite) -> None:
        self._folder = folder
        self.capacity_bytes = capacity_bytes
        self.reserved_bytes = 0
        self._write = write
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def num_waiting(self) -> int:
        """Number of callers that wait for room."""
        return sum(not admitted.cancelled() for _, admitted in self._waiting)

    def has_room(self, num_bytes: int) -> bool:
        """Return whether `reserve` would return at once."""
        return not self.num_waiting and self._fits(num_bytes)

    async def reserve(self, num_bytes: int, name: str) -> SpoolFile:
        """Wait for room, then return an empty sparse file of that length.

        Raises:
            InvalidMedia: media-too-large, it is more than the whole spool.
            SpoolFull: the disk, not the spool's own count, has no room for a file.
            MachineUnavailable: the folder cannot be used.
        """
        if num_bytes > self.capacity_bytes:
            raise InvalidMedia(
                "media-too-large", f"{name} has {num_bytes} bytes; the whole spool has {self.capacity_bytes}"
            )
        await self._wait_for_room(num_bytes)
        try:
            return SpoolFile(self, self._folder, num_bytes, self._write)
        except BaseException:
            self.give_back(num_bytes)
            raise

    def grow(self, num_bytes: int) -> None:
        """Add to a reservation, at once or not at all: waiting here while holding room could deadlock.

        Raises:
            SpoolFull: there is no room now.
        """
        if not self.has_room(num_bytes):
            raise SpoolFull(self.origin, f"no room for {num_bytes} more bytes of {self.capacity_bytes}")
        self.reserved_bytes += num_bytes

    def give_back(self, num_bytes: int) -> None:
        """End a reservation or a part of it, and admit waiting callers."""
        self.reserved_bytes -= num_bytes
        self._admit()

    @property
    def origin(self) -> str:
        """Name of the unavailable source when it is full."""
        return f"spool:{self._folder}"

    async def _wait_for_room(self, num_bytes: int) -> None:
        admitted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((num_bytes, admitted))
        self._admit()
        try:
            await admitted
        except asyncio.CancelledError:
            if admitted.done() and not admitted.cancelled():  # admitted and cancelled at the same time
                self.give_back(num_bytes)
            self._admit()  # the following callers
            raise

    def _admit(self) -> None:
        while self._waiting and (self._waiting[0][1].cancelled() or self._fits(self._waiting[0][0])):
            num_bytes, admitted = self._waiting.popleft()
            if not admitted.cancelled():
                self.reserved_bytes += num_bytes
                admitted.set_result(None)

    def _fits(self, num_bytes: int) -> bool:
        return self.reserved_bytes + num_bytes <= self.capacity_bytes


class SpoolFile:
    """A reserved file; created by `Spool.reserve`. Its bytes read as zero until they are written."""

    def __init__(self, spool: Spool, folder: Path, size_bytes: int, write: Write) -> None:
        self._spool = spool
        self._write = write
        self.size_bytes = size_bytes
        self._write_fd, self.fd = _nameless_file(folder, spool.origin, size_bytes)
        """`fd` is for reading only."""

    async def write(self, offset: int, piece: bytes | memoryview) -> None:
        """Write all of `piece`, outside the event loop.

        Raises:
            SpoolFull: the disk is full.
            MachineUnavailable: it cannot be written.
        """
        writing = asyncio.ensure_future(asyncio.to_thread(self._write_all, offset, piece))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait([writing])  # the descriptor must not be closed, and reused, during the write
            raise

    def grow(self, size_bytes: int) -> None:
        """Reserve more, up to `size_bytes` in all.

        Raises:
            SpoolFull: there is no room now.
        """
        self._spool.grow(size_bytes - self.size_bytes)
        self.size_bytes = size_bytes

    def shrink(self, size_bytes: int) -> None:
        """Release what is not needed."""
        surplus, self.size_bytes = self.size_bytes - size_bytes, size_bytes
        os.ftruncate(self._write_fd, size_bytes)
        self._spool.give_back(surplus)

    def close(self) -> None:
        """Remove it and release the room; call once, when nothing is being written."""
        os.close(self._write_fd)
        os.close(self.fd)
        self._spool.give_back(self.size_bytes)

    def _write_all(self, offset: int, piece: bytes | memoryview) -> None:
        left = memoryview(piece)
        try:
            while left:
                written = self._write(self._write_fd, left, offset)
                left, offset = left[written:], offset + written
        except OSError as error:
            raise _fault_of(error, self._spool.origin) from error


def _nameless_file(folder: Path, origin: str, size_bytes: int) -> tuple[int, int]:
    """Create a sparse file without a name, so that it is freed with its last descriptor, even after a SIGKILL.

    Returns:
        A descriptor to write to and one to read from.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_fd, read_fd = _opened_nameless(folder)
    except OSError as error:
        raise _fault_of(error, origin) from error
    try:
        os.ftruncate(write_fd, size_bytes)
    except OSError as error:
        os.close(write_fd)
        os.close(read_fd)
        raise _fault_of(error, origin) from error
    return write_fd, read_fd


def _opened_nameless(folder: Path) -> tuple[int, int]:
    try:
        write_fd = os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno not in _NO_NAMELESS_FILES:
            raise
        return _unlinked(folder)
    return write_fd, os.open(f"/proc/self/fd/{write_fd}", os.O_RDONLY | os.O_CLOEXEC)


def _unlinked(folder: Path) -> tuple[int, int]:
    write_fd, path = tempfile.mkstemp(dir=folder)
    read_fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    Path(path).unlink()
    return write_fd, read_fd


def _fault_of(error: OSError, origin: str) -> MachineUnavailable:
    """Return the error for a fault of our own folder, which is not the media's fault."""
    if error.errno in _NO_ROOM:
        return SpoolFull(origin, f"the disk is full: {error.strerror}")
    return MachineUnavailable(origin, f"the spool cannot be used: {error.strerror or error}")

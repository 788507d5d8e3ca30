"""A progressive file: FFmpeg reads media through it while the media is still downloaded. Decoder process only."""

from __future__ import annotations

import os
from collections.abc import Callable

ReadAt = Callable[[int, int, int], bytes]
"""Descriptor, count and offset to bytes."""
GRANULE_BYTES = 64 * 1024
"""Minimum size of a request: a request costs a fifth of a millisecond, and a seek to a keyframe reads about this much
more than it needs."""


class LocalReadFailed(Exception):
    """This machine cannot read an open file: its disk or file system fails, which says nothing about the media."""


def everything_is_here(start: int, stop: int) -> bool:
    """Return True, for complete files."""
    del start, stop
    return True


class ProgressiveFile:
    """The file object of FFmpeg: requests every byte range before it is read for the first time.

    FFmpeg sees the end of the file if a part never arrives or cannot be read, as with a truncated file; an exception
    would stay with the library and be raised in the next video. It would also take a failing disk for broken media, so
    `require_readable` distinguishes the two.

    Args:
        fd: of the file; sparse if it is fetched.
        size_bytes: of the whole media.
        ask: returns whether bytes `[start, stop)` can be read now; waits for them.
        read_at: as `os.pread`; tests replace it by a failing disk.
    """

    def __init__(
        self, fd: int, size_bytes: int, ask: Callable[[int, int], bool] = everything_is_here, read_at: ReadAt = os.pread
    ) -> None:
        self._fd = fd
        self._size_bytes = size_bytes
        self._ask = ask
        self._is_here = bytearray(-(-size_bytes // GRANULE_BYTES))
        self._position = 0
        self._is_given_up = False
        self._read_at = read_at
        self._failure: OSError | None = None

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes from the current position; none at the end."""
        part = self.peek(self._position, size)
        self._position += len(part)
        return part

    def peek(self, start: int, num_bytes: int) -> bytes:
        """Return at most `num_bytes` from `start` on; none at the end, for bytes that never arrive, and for unreadable
        ones."""
        stop = min(start + num_bytes, self._size_bytes)
        if self._failure is not None or start >= stop or not self.ensure(start, stop):
            return b""
        try:
            return self._read_at(self._fd, stop - start, start)
        except OSError as error:
            self._failure, self._is_given_up = error, True
            return b""

    def require_readable(self) -> None:
        """Return if every read succeeded. Raises LocalReadFailed after a fault of this machine."""
        if self._failure is not None:
            raise LocalReadFailed(os.strerror(self._failure.errno or 0)) from self._failure

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the position, which may be beyond the end; -1 for an invalid one."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size_bytes}.get(whence)
        if origin is None or origin + offset < 0:
            return -1
        self._position = origin + offset
        return self._position

    def tell(self) -> int:
        """Return the position of the next read."""
        return self._position

    def ensure_all(self) -> bool:
        """Return whether the whole file can be read, through any descriptor."""
        return self.ensure(0, self._size_bytes)

    def ensure(self, start: int, stop: int) -> bool:
        """Return whether bytes `[start, stop)` can be read; requests those that were not requested before, all at
        once."""
        first, last = start // GRANULE_BYTES, -(-stop // GRANULE_BYTES)
        missing_first = self._is_here.find(0, first, last)
        if missing_first < 0:
            return True
        missing_last = self._is_here.rfind(0, first, last) + 1
        if self._is_given_up or not self._ask(
            missing_first * GRANULE_BYTES, min(missing_last * GRANULE_BYTES, self._size_bytes)
        ):
            self._is_given_up = True
            return False
        self._is_here[missing_first:missing_last] = b"\1" * (missing_last - missing_first)
        return True

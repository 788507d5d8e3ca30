"""The exclusive events of a worker, in memory that its parent process can read after the worker's death.

Imports only the standard library, because the parent has nothing else.
"""

from __future__ import annotations

import json
import mmap
import os
import threading
from collections.abc import Collection, Iterable
from typing import Final

_SIZE_BYTES: Final = 64 * 1024
_LENGTH_BYTES: Final = 4
_FOLLOWS: Final = _SIZE_BYTES - 1
"""Index of the byte that says whether the worker stopped itself because its parent was stopped."""
_ROOM_BYTES: Final = _SIZE_BYTES - _LENGTH_BYTES - 1


class ExclusiveBoard:
    """Keys of the exclusive attempts, in memory that two processes share.

    A process that is killed while it writes leaves an empty board, never a wrong one.

    Args:
        fd: of the memory; None creates it.
    """

    def __init__(self, fd: int | None = None) -> None:
        self.fd = os.memfd_create("vidsignal-board") if fd is None else fd
        if fd is None:
            os.ftruncate(self.fd, _SIZE_BYTES)
        self._memory = mmap.mmap(self.fd, _SIZE_BYTES)
        self._keys: list[str] = []
        self._lock = threading.Lock()
        """Facts are folded in threads, too."""

    @property
    def follows(self) -> bool:
        """Whether the worker stopped itself because its parent was stopped."""
        return bool(self._memory[_FOLLOWS])

    @follows.setter
    def follows(self, is_true: bool) -> None:
        self._memory[_FOLLOWS] = is_true

    def add(self, key: str) -> None:
        """Add an attempt that starts exclusively."""
        self.replace((), (key,))

    def replace(self, gone: Collection[str], new: Iterable[str]) -> None:
        """Remove some entries and add others, in one step."""
        with self._lock:
            self._write([*(key for key in self._keys if key not in gone), *new])

    def remove(self, key: str) -> None:
        """Remove an attempt; has no effect if it is not there."""
        with self._lock:
            if key in self._keys:
                self._write([other for other in self._keys if other != key])

    def read(self) -> list[str]:
        """Return all entries."""
        length = int.from_bytes(self._memory[:_LENGTH_BYTES], "little")
        text = self._memory[_LENGTH_BYTES : _LENGTH_BYTES + length]
        return [str(key) for key in json.loads(text)] if length else []

    def close(self) -> None:
        """Release the memory; it exists as long as another process has it."""
        self._memory.close()
        os.close(self.fd)

    def _write(self, keys: list[str]) -> None:
        text = json.dumps(keys).encode()
        self._keys = keys
        self._memory[:_LENGTH_BYTES] = bytes(_LENGTH_BYTES)
        if len(text) <= _ROOM_BYTES:  # each role has at most one exclusive attempt
            self._memory[_LENGTH_BYTES : _LENGTH_BYTES + len(text)] = text
            self._memory[:_LENGTH_BYTES] = len(text).to_bytes(_LENGTH_BYTES, "little")

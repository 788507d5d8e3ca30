"""What runs alone in a worker, written where its parent process can read it after the worker's death.

Imports nothing but the standard library: the parent has nothing else.
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
"""Place of the byte that says whether the worker stopped itself because its parent was stopped."""
_ROOM_BYTES: Final = _SIZE_BYTES - _LENGTH_BYTES - 1


class ExclusiveBoard:
    """Keys of the attempts that run alone now, in memory that two processes share.

    A process that is killed while it writes leaves an empty board, never a wrong one.

    Args:
        fd: of the memory; None makes some.
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
        """Work on this attempt begins, with nothing beside it."""
        self.replace((), (key,))

    def replace(self, gone: Collection[str], new: Iterable[str]) -> None:
        """Take some down and put others up, in one step."""
        with self._lock:
            self._write([*(key for key in self._keys if key not in gone), *new])

    def remove(self, key: str) -> None:
        """It is over, or put back in order; harmless where it was not there."""
        with self._lock:
            if key in self._keys:
                self._write([other for other in self._keys if other != key])

    def read(self) -> list[str]:
        """What stands on the board, whoever wrote it."""
        length = int.from_bytes(self._memory[:_LENGTH_BYTES], "little")
        text = self._memory[_LENGTH_BYTES : _LENGTH_BYTES + length]
        return [str(key) for key in json.loads(text)] if length else []

    def close(self) -> None:
        """Give up the memory; it is there as long as somebody else has it."""
        self._memory.close()
        os.close(self.fd)

    def _write(self, keys: list[str]) -> None:
        text = json.dumps(keys).encode()
        self._keys = keys
        self._memory[:_LENGTH_BYTES] = bytes(_LENGTH_BYTES)
        if len(text) <= _ROOM_BYTES:  # no more than one attempt a role runs alone
            self._memory[_LENGTH_BYTES : _LENGTH_BYTES + len(text)] = text
            self._memory[:_LENGTH_BYTES] = len(text).to_bytes(_LENGTH_BYTES, "little")

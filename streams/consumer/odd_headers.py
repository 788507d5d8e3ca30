"""Records whose header names are not UTF-8: aiokafka cannot read them, and any producer can write them.

Kafka says that names are UTF-8, and brokers do not look. Without this one such record would end the consumer at each
fetch, forever. Such a batch is read once more with every odd byte spelled out, as in `\\xff`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Final

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

_LENGTH_OFFSET: Final = 8
_OVERHEAD_BYTES: Final = 12
"""Base offset and length, which precede every batch."""


def install() -> None:
    """Let aiokafka's consumers in this process read through `TolerantRecords`; may be called repeatedly."""
    fetcher.MemoryRecords = TolerantRecords


class TolerantRecords:
    """aiokafka's `MemoryRecords` with tolerant batches.

    Args:
        data: fetched bytes of one partition.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0
        self._records: Any = MemoryRecords(data)

    def size_in_bytes(self) -> int:
        """See `MemoryRecords`."""
        return len(self._data)

    def has_next(self) -> bool:
        """See `MemoryRecords`."""
        return bool(self._records.has_next())

    def next_batch(self) -> Any:
        """See `MemoryRecords`."""
        batch, start = self._records.next_batch(), self._position
        if batch is None:
            return None
        (length,) = struct.unpack_from(">i", self._data, start + _LENGTH_OFFSET)
        self._position = start + _OVERHEAD_BYTES + length
        return TolerantBatch(batch, memoryview(self._data)[start : self._position])


class TolerantBatch:
    """A batch whose records are read again if their header names are invalid.

    Args:
        batch: aiokafka's batch.
        data: its bytes.
    """

    def __init__(self, batch: Any, data: memoryview) -> None:
        self._batch = batch
        self._data = data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        """Return the first record of a control batch, from which aiokafka determines the end of a transaction."""
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        try:
            return iter(list(self._batch))
        except UnicodeDecodeError:
            return iter(list(_SpellingBatch(self._data)))


class _SpellingBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    """Reads a batch in plain Python, and decodes any header name."""

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        found: Any = self._buffer  # type: ignore[has-type]
        self._buffer = _SpelledBytes(found)


class _SpelledBytes(bytearray):
    """Bytes that can always be decoded to text."""

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return _SpelledBytes(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        del errors
        return super().decode(encoding, "backslashreplace")

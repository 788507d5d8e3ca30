"""What reading needs of a client of Redis: few calls, which a small client has as well as the library's."""

from __future__ import annotations

from typing import Any, Protocol


class ReadsStore(Protocol):
    """`redis.asyncio.Redis`, or `streams.store.quick_reads.QuickReads`; awaited, each call gives what is stored."""

    def get(self, name: str, /) -> Any:
        """Bytes of a string; None where there is no such key."""

    def hgetall(self, name: str, /) -> Any:
        """Fields of a hash as bytes; empty where there is no such key."""

    def pipeline(self, transaction: bool = True) -> Any:
        """Collects calls, which its `execute` sends in one round trip, answered as of one moment."""


def is_of_another_type(error: Exception) -> bool:
    """Whether a client says that a key holds another type of value; each client has an error of its own for that."""
    return "WRONGTYPE" in str(error)

"""The few calls that readers need of a Redis client; a small client and the library both have them."""

from __future__ import annotations

from typing import Any, Protocol


class ReadsStore(Protocol):
    """`redis.asyncio.Redis`, or `streams.store.quick_reads.QuickReads`; each awaited call returns what is stored."""

    def get(self, name: str, /) -> Any:
        """Bytes of a string; None without the key."""

    def hgetall(self, name: str, /) -> Any:
        """Fields of a hash as bytes; empty without the key."""

    def pipeline(self, transaction: bool = True) -> Any:
        """Collects calls; its `execute` sends them in one round trip, answered from one consistent state."""


def is_of_another_type(error: Exception) -> bool:
    """Return whether a client reports that a key has another type; each client has its own error for that."""
    return "WRONGTYPE" in str(error)

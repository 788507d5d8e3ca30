"""How much may be fetched, how fast it has to come, and how often it is tried."""

from __future__ import annotations

from dataclasses import dataclass

from operators.media.sources.file import MAX_FILE_BYTES

KIB = 2**10
MIB = 2**20


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Bounds of one fetched medium."""

    max_bytes: int = MAX_FILE_BYTES
    connect_seconds: float = 5.0
    """Of name resolution, and again of the connection with its TLS."""
    grace_seconds: float = 10.0
    """What every request may take on top of what the smallest throughput allows."""
    min_bytes_per_second: int = 64 * KIB
    """At every moment of a request, at least (elapsed - grace) times this has come."""
    max_redirects: int = 5
    max_attempts: int = 4
    """Of one request, the first one included."""
    first_backoff_seconds: float = 0.25
    """Doubles with each attempt; half of it is chance."""
    max_backoff_seconds: float = 5.0
    max_retry_after_seconds: float = 15.0
    """An origin that asks for more is unavailable."""
    probe_bytes: int = 256 * KIB
    """Of the first request: an index at the front then costs one round trip."""
    block_bytes: int = MIB
    max_request_bytes: int = 8 * MIB
    """Larger wishes become several requests."""
    max_read_ahead_bytes: int = 4 * MIB
    """Fetched beyond what was asked for when reads are sequential."""
    max_requests: int = 2
    """Of one medium, at the same time."""
    unannounced_bytes: int = 256 * MIB
    """Room that is reserved for a medium whose length its origin does not say."""

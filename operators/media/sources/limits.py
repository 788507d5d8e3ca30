"""Limits of fetching: sizes, speeds and attempts."""

from __future__ import annotations

from dataclasses import dataclass

from operators.media.sources.file import MAX_FILE_BYTES

KIB = 2**10
MIB = 2**20


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Limits of one fetched object."""

    max_bytes: int = MAX_FILE_BYTES
    connect_seconds: float = 5.0
    """For name resolution, and again for the connection with its TLS handshake."""
    grace_seconds: float = 10.0
    """Time for every request in addition to what the lowest throughput permits."""
    min_bytes_per_second: int = 64 * KIB
    """At every time of a request, at least (elapsed - grace) times this must have arrived."""
    max_redirects: int = 5
    max_attempts: int = 4
    """Of one request, including the first."""
    first_backoff_seconds: float = 0.25
    """Doubles with each attempt; half of it is random."""
    max_backoff_seconds: float = 5.0
    max_retry_after_seconds: float = 15.0
    """An origin that requests a longer wait counts as unavailable."""
    probe_bytes: int = 256 * KIB
    """Of the first request: an index at the front then costs one round trip."""
    block_bytes: int = MIB
    max_request_bytes: int = 8 * MIB
    """Larger ranges become several requests."""
    max_read_ahead_bytes: int = 4 * MIB
    """Maximum read-ahead for sequential reads."""
    max_requests: int = 2
    """Concurrent requests of one object."""
    unannounced_bytes: int = 256 * MIB
    """Room that is reserved for an object of unknown length."""

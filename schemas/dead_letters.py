"""A dead letter: an event that will not be retried, stored completely so that it can be inspected and sent again."""

from __future__ import annotations

from msgspec import Struct

from schemas.facts import SourceOffset
from schemas.identity import UnixSeconds

MAX_DEAD_LETTER_BYTES = 8 * 1024 * 1024
"""Largest dead letter; it can contain an upload of the maximum size in base64."""


class DeadLetter(Struct, frozen=True, kw_only=True):
    """Cause, attempts, and the original record."""

    dead_letter_id: str
    """Hash of the source offset: the same event always has the same id."""
    cause: str
    message: str
    role: str
    """The role that gave it up, such as intake or media."""
    attempts: int
    source: SourceOffset
    source_timestamp_unix_seconds: UnixSeconds
    failed_unix_seconds: UnixSeconds
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    """As received, in order."""
    value: bytes | None
    """As received; None if it was too large to store; then the hash and the source identify it."""
    value_bytes: int
    value_sha256: str

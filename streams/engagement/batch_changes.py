"""What a batch of engagement events finds in the store, and what it adds."""

from __future__ import annotations

from dataclasses import dataclass, field

from schemas.engagement import Engagement


@dataclass(frozen=True, slots=True)
class Found:
    """What the store contains about a batch."""

    stored: dict[int, int | None]
    """The next offset of each partition; None without one."""
    contents: dict[tuple[int, bytes], bytes]
    """Contents by identity of counted events, by partition."""
    records: dict[str, bytes | None]
    """Stored records, by video."""
    unknown: frozenset[str]
    """Videos that are not accepted."""
    forgotten: frozenset[str]


@dataclass(slots=True)
class Changes:
    """What a batch adds."""

    positions: dict[int, int]
    """Offset of each partition afterwards."""
    identities: dict[tuple[int, int], dict[bytes, bytes]] = field(default_factory=dict)
    """New contents by identity, by partition and bucket."""
    records: dict[str, Engagement] = field(default_factory=dict)
    due: dict[int, dict[str, float]] = field(default_factory=dict)
    """Unix seconds by video, by partition; an earlier time that is already set stays."""

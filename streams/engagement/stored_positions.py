"""Positions of partitions as Redis has them; a value that is no offset stops its partition only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import structlog

_LARGEST_OFFSET: Final = 2**63 - 1
"""Of Kafka."""

_log = structlog.get_logger(__name__)


def positions_of(partitions: Iterable[int], values: Sequence[bytes | None]) -> dict[int, int | None]:
    """Return the next offset of each partition, None without one; partitions with another value are left out."""
    found: dict[int, int | None] = {}
    for partition, value in zip(partitions, values, strict=True):
        if value is None or _is_offset(value):
            found[partition] = None if value is None else int(value)
        else:
            _log.error(
                "engagement offset in redis is no offset; its partition waits. Set the key to the group's committed"
                " offset",
                partition=partition,
                found=repr(value[:40]),
            )
    return found


def _is_offset(value: bytes) -> bool:
    return value.isdigit() and len(value) <= len(str(_LARGEST_OFFSET)) and int(value) <= _LARGEST_OFFSET

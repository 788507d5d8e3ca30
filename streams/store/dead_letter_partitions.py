"""The partition of each dead letter of a video, as stored in Redis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def partitions_by_key(found: Mapping[Any, Any]) -> dict[bytes, int]:
    """Decode the fields of `vs:{<video_id>}:letters`; values that are not numbers are ignored."""
    return {
        key.encode() if isinstance(key, str) else key: int(partition)
        for key, partition in found.items()
        if partition.isdigit()
    }

"""The context of a request to a model, and its result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Lane = Literal["live", "backfill"]
LANES: tuple[Lane, ...] = ("live", "backfill")
"""In the order in which a device serves them."""


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Whose item it is and how soon its result is needed; one context serves all items of a video."""

    video_id: str
    lane: Lane
    due_seconds: float
    """Deadline on the monotonic clock; `math.inf` where there is none."""


@dataclass(frozen=True, slots=True)
class ModelOutput:
    """What a model said of one item."""

    values: tuple[np.ndarray, ...]
    """One float32 array per name in the card's `outputs`, without the batch axis; every number is finite."""
    device_seconds: float
    """This item's share of its batch: the device seconds divided by the items, so padding is paid by all."""
    batch_items: int
    """How many items shared the batch."""
    batch_videos: int
    """How many distinct videos shared the batch."""
    cpu_seconds: float = 0.0
    """This item's share of the CPU time of its batch, of all threads that computed it or drove the device."""
    model: str = ""
    """Name of the card that answered."""

"""The context of a request to a model, and its result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np

from operators.inference.loaded_model import ServerUsage

Lane = Literal["live", "backfill"]
LANES: tuple[Lane, ...] = ("live", "backfill")
"""In the order in which a device serves them."""


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The video of an item and the urgency of its result; one context serves all items of a video."""

    video_id: str
    lane: Lane
    due_seconds: float
    """Deadline on the monotonic clock; `math.inf` without one."""


class ModelOutput(msgspec.Struct, frozen=True, eq=False):
    """A model's output for one item."""

    values: tuple[np.ndarray, ...]
    """One float32 array per name in the card's `outputs`, without the batch axis; every number is finite."""
    device_seconds: float
    """This item's share of its batch: the device seconds divided by the items, so all items share the cost of
    padding."""
    batch_items: int
    """Number of items in the batch."""
    batch_videos: int
    """Number of distinct videos in the batch."""
    cpu_seconds: float = 0.0
    """This item's share of the CPU time of its batch, of all threads that computed it or drove the device."""
    model: str = ""
    """Name of the model's card."""
    mode: str = ""
    """Engine and precision that computed it."""
    usage: ServerUsage | None = None
    """Where and how a server computed it."""

"""The states of a role, one word each: in `/readyz`, in `vidsignal top` and in the metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

State = Literal[
    "joining", "rebalancing", "idle", "flowing", "working", "slots-taken", "paused", "live-first",
    "dead-letter-limit", "source-unavailable", "store-unavailable", "broker-unavailable", "overdue", "stalled",
    "unknown",
]  # fmt: skip
MEANINGS: Final[dict[State, str]] = {
    "joining": "has not joined its group since the start",
    "rebalancing": "its group is in a rebalance, or it has lost its place",
    "idle": "nothing waits",
    "flowing": "records are handed out",
    "working": "all that waits is in work",
    "slots-taken": "all slots are in work within their limits",
    "paused": "an operator paused it",
    "live-first": "stands back for live videos",
    "dead-letter-limit": "paused itself after too many dead letters by faults of our own; its log says what to do",
    "source-unavailable": "waits for media whose origin does not answer",
    "store-unavailable": "waits for Redis",
    "broker-unavailable": "waits for Kafka",
    "overdue": "an event is in work beyond its limit",
    "stalled": "records wait, it could take more, and nothing is delivered",
    "unknown": "the broker does not say how far it is",
}
"""Every state, in the order in which a role meets them."""


@dataclass(frozen=True, slots=True)
class RoleReport:
    """How one role gets on."""

    state: State
    lag: int | None
    """Records behind in the partitions that the broker assigned to it; None where that is unknown."""
    stalled_seconds: float = 0.0
    """How long records have waited with nothing delivered although it could take more."""
    problem: str = ""
    """Why the role makes the worker not ready; empty where it does not."""


OUTAGES: Final[frozenset[State]] = frozenset(("store-unavailable", "broker-unavailable"))
"""What a role waits for whatever else it does."""

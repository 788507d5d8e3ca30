"""The states of a role: in `/readyz`, in `vidsignal top` and in the metrics."""

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
    "idle": "no record waits",
    "flowing": "records are being delivered",
    "working": "all waiting records are being processed",
    "slots-taken": "all slots are taken, by events within their time limits",
    "paused": "an operator paused it",
    "live-first": "waits for live videos",
    "dead-letter-limit": "paused itself after too many dead letters by internal faults; its log says what to do",
    "source-unavailable": "waits for media whose origin does not answer",
    "store-unavailable": "waits for Redis",
    "broker-unavailable": "waits for Kafka",
    "overdue": "an event takes longer than its time limit",
    "stalled": "records wait, the role has capacity, and nothing is delivered",
    "unknown": "the broker does not report the progress",
}
"""Every state with its meaning, in the usual order."""


@dataclass(frozen=True, slots=True)
class RoleReport:
    """Progress of one role."""

    state: State
    lag: int | None
    """Lag in the partitions that the broker assigned to it, in records; None if unknown."""
    stalled_seconds: float = 0.0
    """How long records have waited without a delivery although the role has capacity."""
    problem: str = ""
    """Why the role makes the worker not ready; empty if it does not."""


OUTAGES: Final[frozenset[State]] = frozenset(("store-unavailable", "broker-unavailable"))
"""States that hide all others of a role."""

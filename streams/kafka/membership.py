"""What members of all groups have in common: session, heartbeats, and how long a rebalance waits for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from streams.kafka.assignor import SamePartitions


@dataclass(frozen=True, slots=True)
class Membership:
    """Options of the Faust roles; the engagement role has its client's own assignor, and the same session timeout."""

    session_seconds: float = 6.0
    """Time without a heartbeat until a member is considered dead; brokers allow no less by default."""
    heartbeat_seconds: float = 0.5
    """Interval of heartbeats; members learn of a rebalance from the answer to a heartbeat."""
    rebalance_drain_seconds: float = 0.5
    """How long a rebalance waits for running work; short, because all members wait for each other. Longer work
    continues: if its partition stays, the redelivered record joins it; if the partition moves, another worker may
    repeat it."""
    assignor: Callable[[str], object] = SamePartitions
    """Creates an aiokafka assignor from the worker's id."""


MEMBERSHIP: Final = Membership()

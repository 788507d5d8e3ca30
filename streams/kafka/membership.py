"""What members of all groups have in common: how they show that they live, and how long a rebalance waits for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from streams.kafka.assignor import SamePartitions


@dataclass(frozen=True, slots=True)
class Membership:
    """Of the Faust roles; the engagement role has its client's own assignor, and the same session."""

    session_seconds: float = 6.0
    """Without a heartbeat until a member is taken for dead; brokers allow no less by default."""
    heartbeat_seconds: float = 0.5
    """Members learn of a rebalance by the answer to a heartbeat."""
    rebalance_drain_seconds: float = 0.5
    """How long a rebalance waits for running work, because all members wait for each. What takes longer goes on: where
    its partition stays, the redelivered record joins it; where it moves, another worker may do it, too."""
    assignor: Callable[[str], object] = SamePartitions
    """An assignor of aiokafka, made of the worker's id."""


MEMBERSHIP: Final = Membership()

"""Every kind of fault, by the name under which the timeline and the report know it."""

from __future__ import annotations

from typing import Final

from tests.chaos.faults.attack import Fault
from tests.chaos.faults.brokers import kill_broker, stop_broker
from tests.chaos.faults.decoders import kill_decoder
from tests.chaos.faults.deletions import race_deletions
from tests.chaos.faults.disks import fill_broker_disk, fill_store_disk, fill_worker_disk
from tests.chaos.faults.networks import cut_connections, silent_network, slow_network
from tests.chaos.faults.stores import fail_over_store, kill_store, stop_store
from tests.chaos.faults.workers import (
    jump_clock,
    kill_two_workers,
    kill_worker,
    run_older_worker,
    stop_worker,
    stop_worker_and_start_another,
    terminate_worker,
)

FAULTS: Final[dict[str, Fault]] = {
    "kill-worker": kill_worker,
    "kill-two-workers": kill_two_workers,
    "stop-worker": stop_worker,
    "stop-worker-start-another": stop_worker_and_start_another,
    "terminate-worker": terminate_worker,
    "older-worker": run_older_worker,
    "clock-jump": jump_clock,
    "kill-broker": kill_broker,
    "stop-broker": stop_broker,
    "kill-redis": kill_store,
    "stop-redis": stop_store,
    "redis-failover": fail_over_store,
    "full-worker-disk": fill_worker_disk,
    "full-broker-disk": fill_broker_disk,
    "full-redis-disk": fill_store_disk,
    "slow-network": slow_network,
    "silent-network": silent_network,
    "cut-connections": cut_connections,
    "racing-deletions": race_deletions,
    "kill-decoder": kill_decoder,
}

OF_REAL_MEDIA: Final = frozenset({"kill-decoder"})
"""Kinds that need decoders."""
EVERY_ROUND: Final = ("kill-worker", "kill-redis", "redis-failover", "kill-broker", "racing-deletions")
"""Kinds that a schedule of few faults has in any case."""

"""What a fault is given: the world, its share of chance, and whom to tell when it strikes."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.chaos.traffic.traffic import Traffic
from tests.chaos.world.worker import Build
from tests.chaos.world.world import World


@dataclass(frozen=True, slots=True)
class Attack:
    """One strike."""

    kind: str
    world: World
    traffic: Traffic
    chance: random.Random
    longest_stop_seconds: float
    """Of a worker; SIGSTOPs last from five seconds up to this."""
    older: Build | None
    """The older release; None where it cannot be had."""

    def tell(self, **details: Any) -> None:
        """It strikes now."""
        self.world.timeline.add("fault", kind=self.kind, **details)

    def skip(self, why: str) -> None:
        """It cannot strike."""
        self.world.timeline.add("fault-skipped", kind=self.kind, why=why)

    def wait(self, seconds: float) -> None:
        """Let time pass, or less where all is being closed."""
        self.world.is_closing.wait(seconds)


Fault = Callable[[Attack], None]
"""Strikes, waits, and undoes what it did; runs in a thread of its own, next to others."""

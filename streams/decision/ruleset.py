"""What determines how facts are folded."""

from __future__ import annotations

from dataclasses import dataclass

from streams.decision.cost import Prices
from streams.decision.policy import Policy


@dataclass(frozen=True, slots=True)
class Ruleset:
    """The same for every record while a worker runs."""

    policy: Policy
    prices: Prices
    log_generation: int

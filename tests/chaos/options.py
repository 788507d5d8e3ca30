"""What a run of the chaos may be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.chaos.traffic.traffic import Rates

MediaForm = Literal["stand-in", "real"]
"""Who answers for the media role: a stand-in that costs nothing, or the product with real clips and models."""


@dataclass(frozen=True, slots=True)
class Options:
    """One run."""

    seed: int
    num_faults: int
    minutes: float
    """Within which the faults strike; opening, convergence and judging come on top."""
    media: MediaForm
    out: Path
    """A folder that gets the report, the timeline and the workers' logs."""
    is_stock: bool = False
    """Stock Faust does the stand-in's work, under the same schedule, for comparison."""
    kinds: tuple[str, ...] = ()
    """Only these; empty for all."""
    rates: Rates = field(default=Rates(1.0, 8.0))
    longest_stop_seconds: float = 40.0

    @property
    def partitions(self) -> int:
        """Of each topic."""
        return 6

    @property
    def workers(self) -> tuple[str, ...]:
        """The roles of each worker; empty for all roles."""
        light = "intake,verdict,engagement"
        return (light, light) if self.media == "stand-in" else ("", light, "media,backfill")

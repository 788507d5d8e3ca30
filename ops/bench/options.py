"""What every benchmark is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """How long to measure, and where to say what is going on."""

    is_quick: bool
    is_soak: bool
    say: Callable[[str], None]

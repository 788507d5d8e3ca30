"""Options of every benchmark."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """How long to measure, and where to report progress."""

    is_quick: bool
    is_soak: bool
    say: Callable[[str], None]

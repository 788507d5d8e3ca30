"""Options of every benchmark."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ops.local.stack import KafkaKind


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """How long to measure, and where to report progress."""

    is_quick: bool
    is_soak: bool
    say: Callable[[str], None]
    competitors: Path | None = None
    """Virtual environment with the other competitors of `bench inference`, or the servers of `bench servers`; None: the
    product's own."""
    kafka: KafkaKind = "real"

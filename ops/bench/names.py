"""Names of all benchmarks, importable without the benchmarks."""

from __future__ import annotations

from typing import Final

NAMES: Final = (
    "pipeline",
    "sources",
    "lanes",
    "engagement",
    "near-duplicates",
    "observing",
    "recovery",
    "inference",
    "engines",
    "load",
    "servers",
)
"""As on the command line; a test compares them with the registry."""

PLOTTED: Final = ("load", "inference", "engines")
"""Those whose report can be drawn."""
EMBEDDED: Final = ("load",)
"""Those that run on the embedded broker, too."""

"""The names of all benchmarks, known without importing what they measure."""

from __future__ import annotations

from typing import Final

NAMES: Final = ("pipeline", "sources", "lanes", "engagement", "near-duplicates", "observing", "recovery")
"""As on the command line; a test holds that the registry has the same."""

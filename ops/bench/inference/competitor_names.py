"""Names of the competitors, importable without them."""

from __future__ import annotations

from typing import Final

VIDSIGNAL: Final = "vidsignal"
BARE: Final = "bare loop"
LITSERVE: Final = "litserve"
PYTRITON: Final = "pytriton"

PACKAGES: Final = {LITSERVE: "litserve", PYTRITON: "nvidia-pytriton"}
"""Distribution that a competitor needs."""

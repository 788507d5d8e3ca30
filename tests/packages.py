"""The packages of the product, for tests that read their sources."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.documents import REPOSITORY

PACKAGES: Final = ("schemas", "models", "operators", "streams", "ops")


def modules_of(*packages: str) -> list[Path]:
    """Every Python file of some packages, of all of them by default, in order."""
    return [path for package in packages or PACKAGES for path in sorted((REPOSITORY / package).rglob("*.py"))]

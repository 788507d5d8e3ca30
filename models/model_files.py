"""Files of a model: in a published package, or in the folder of its card."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One file inside a published package."""

    package: str
    """Distribution name and the exact version, `name==version`."""
    member: str
    """Path inside the wheel."""
    sha256: str
    """Of the extracted file, 64 hex digits."""


@dataclass(frozen=True, slots=True)
class CardFile:
    """One file of a card."""

    path: str
    """Below the card's folder, with `/`."""
    sha256: str
    """64 hex digits."""

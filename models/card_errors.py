"""Errors of a card."""

from __future__ import annotations

from pathlib import Path

from schemas.near_names import told


class CardInvalid(ValueError):
    """A card, or a file that it names, is invalid; the message names file, field, value found and allowed values."""


def refuse(path: Path, field: str, found: object, allowed: str, meant: str | None = None) -> CardInvalid:
    """Return the error about one field of a card's file."""
    return CardInvalid(f"card {str(path)!r}: {told(field, found, allowed, meant)}")

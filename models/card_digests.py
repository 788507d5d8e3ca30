"""Digests of an added card: of all that may change a result, and of the part that decides the model's own scores."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from models.calibration_file import CalibrationFile
from models.card import ModelSource

_DESCRIPTIVE: Final = ("purpose", "source", "licence", "checked_on")
"""Fields that may change without changing a result."""
_OF_SCORES: Final = ("name", "input", "model", "outputs")
_NOT_OF_SCORES: Final = ("tolerance", "calibration")
"""Keys within outputs that leave the model's scores as they are."""


def card_digest(found: Mapping[str, Any], source: ModelSource, calibration: CalibrationFile | None) -> str:
    """Return the SHA-256 of a card's result-relevant parts.

    Args:
        found: the card's file.
        source: of its model; the sentences about its labels may be those of the taxonomy.
        calibration: the file that it names.
    """
    parts: dict[str, Any] = {name: value for name, value in found.items() if name not in _DESCRIPTIVE}
    digest = _digest(parts)
    if source.prompts:
        digest = _digest([digest, _sentences(source)])
    return digest if calibration is None else _digest([digest, calibration.labels])


def scores_digest(found: Mapping[str, Any], source: ModelSource) -> str:
    """Return the SHA-256 of what a calibration was fitted for: the model, its input, classes and labels."""
    return _digest([{name: _bare(found.get(name)) for name in _OF_SCORES}, _sentences(source)])


def _sentences(source: ModelSource) -> list[Any]:
    return [(given.label, given.texts) for given in source.prompts]


def _bare(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _bare(inner) for name, inner in value.items() if name not in _NOT_OF_SCORES}
    return [_bare(inner) for inner in value] if isinstance(value, list) else value


def _digest(value: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()

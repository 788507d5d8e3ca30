"""Selects the precision of a model."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, get_args

from models.card import Card, Precision
from operators.inference.compute_mode import ModeUnavailable

PrecisionPreference = Literal["auto", "float32", "bfloat16"]


def choose_precision(card: Card, preference: PrecisionPreference, offered: Collection[Precision]) -> Precision:
    """Return the precision in which a model runs without a measurement: the first of `permitted_precisions`.

    Raises:
        ValueError: see there.
    """
    return permitted_precisions(card, preference, offered)[0]


def permitted_precisions(
    card: Card, preference: PrecisionPreference, offered: Collection[Precision]
) -> tuple[Precision, ...]:
    """Return the precisions in which a model may run, at least one; the card's preferred one first.

    `auto` permits every precision of the card that the device offers. A preference permits only that precision, or
    float32 if the card excludes it: the card defines what a model tolerates.

    Args:
        card: the model's card.
        preference: from the settings.
        offered: what the device computes correctly and, for `bfloat16`, faster than float32.

    Raises:
        ValueError: the preference is unknown.
        ModeUnavailable: the device does not offer it.
    """
    if preference not in get_args(PrecisionPreference):
        raise ValueError(f"precision must be one of {get_args(PrecisionPreference)}, got {preference!r}")
    if preference == "auto":
        return tuple(precision for precision in card.precisions if precision in offered) or ("float32",)
    if preference not in offered:
        raise ModeUnavailable(f"precision {preference!r} is not offered by this device, which offers {sorted(offered)}")
    return (preference if preference in card.precisions else "float32",)

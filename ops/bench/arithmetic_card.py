"""The card of a model without weights, which computes something that benchmarks and tests can check."""

from __future__ import annotations

from typing import Any

from models.card import Card, Dtype


def arithmetic_card(
    name: str,
    purpose: str,
    *,
    input_shape: tuple[int, ...],
    input_dtype: Dtype,
    outputs: tuple[str, ...],
    batch_sizes: tuple[int, ...],
    **others: Any,
) -> Card:
    """Return a card of version 1 in float32, without files.

    Args:
        name: of the model.
        purpose: what it computes.
        input_shape: of an item.
        input_dtype: of an item.
        outputs: their names.
        batch_sizes: ascending.
        others: more fields of the card, or other values of those that are set here.
    """
    fields: dict[str, Any] = {
        "version": "1",
        "modality": "frames",
        "source": "arithmetic",
        "licence": "Apache-2.0",
        "files": (),
        "input_description": "RGB" if input_dtype == "uint8" else "numbers",
        "precisions": ("float32",),
        "generation": 1,
        "checked_on": "nothing",
    }
    return Card(
        name=name,
        purpose=purpose,
        input_shape=input_shape,
        input_dtype=input_dtype,
        outputs=outputs,
        batch_sizes=batch_sizes,
        **(fields | others),
    )

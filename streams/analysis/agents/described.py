"""Turns values of one origin into features and embeddings of an upload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from models.card import Card
from operators.label_evidence import model_name
from schemas.evidence import Embedding, Feature
from streams.analysis.agents.analysis import AgentWork

_DECIMALS = 6


def features_of(work: AgentWork, model: str, values: Mapping[str, object]) -> dict[str, Feature]:
    """Return features by name, numbers rounded to a millionth; a value of None is left out.

    Args:
        work: the upload that is described.
        model: `name@version` of the model or algorithm that produced the values.
        values: by names of `schemas.features.FEATURES`.
    """
    return {
        name: Feature(value=_rounded(value), event_unix_seconds=work.event_unix_seconds, model=model)
        for name, value in values.items()
        if value is not None
    }


def embedding_of(
    work: AgentWork, card: Card, vector: Sequence[float], space: str | None = None
) -> dict[str, Embedding]:
    """Return a vector with its embedding space: the one that its model's card names, unless another is given.

    Raises:
        ValueError: no space is given, and the card names none.
    """
    space = space or card.embedding_space
    if space is None:
        raise ValueError(f"card {card.name!r} names no embedding space")
    embedding = Embedding.pack(vector, space=space, model=model_name(card), event_unix_seconds=work.event_unix_seconds)
    return {space: embedding}


def _rounded(value: object) -> object:
    """Round to a millionth: the further digits carry no information, and would be most of a signal's bytes."""
    if isinstance(value, float):
        return round(value, _DECIMALS)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list | tuple) else value

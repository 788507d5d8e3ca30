"""Compares stored results with the current versions of models and code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.facts import Signal
from schemas.identity import Modality
from streams.analysis.agents.agent_registry import AGENTS
from streams.analysis.prototypes_file import load_prototypes
from streams.analysis.provenance import generation_of, models_of
from streams.backfill.jobs import JobFilter
from streams.config.running_models import running_cards
from streams.config.settings import Settings


class UnknownModel(ValueError):
    """No card of that name, or no card with that space; the message lists existing ones."""


@dataclass(frozen=True, slots=True)
class Present:
    """How this build analyses one modality."""

    generation: int
    models: Mapping[str, str]
    """Card fingerprints by model name."""

    def made(self, signal: Signal, model: str | None) -> bool:
        """Return whether a signal is of this build, with regard to one model, or to all.

        A failed signal names no models, so its generation is compared instead.
        """
        if signal.status == "failed" or model is None:
            is_same = signal.status == "failed" or signal.models == dict(self.models)
            return is_same and signal.generation == self.generation
        return signal.models.get(model) == self.models[model]


def present_versions(settings: Settings) -> dict[Modality, Present]:
    """Return the versions of every modality, without precision, which depends on the worker and not on the model.

    Raises:
        CardInvalid, InvalidPrototypes: a file that the settings name is wrong.
    """
    cards, prototypes = running_cards(settings), load_prototypes(settings.prototypes_file)
    return {
        modality: Present(
            generation_of(agent, cards, settings.models_generation, prototypes),
            models_of(modality, cards, prototypes),
        )
        for modality, agent in AGENTS.items()
    }


def asked_versions(asked: JobFilter, settings: Settings) -> dict[Modality, Present]:
    """Of the modalities that a filter is about.

    Raises:
        UnknownModel: no agent uses the model, or no model writes the space.
        CardInvalid: the card of an added model is wrong.
    """
    present = present_versions(settings)
    spaces = {card.embedding_space for card in running_cards(settings).values() if card.embedding_space}
    if asked.space is not None and asked.space not in spaces:
        raise UnknownModel(f"no present model writes the space {asked.space!r}; there are {', '.join(sorted(spaces))}")
    if asked.model is None:
        return present
    users = {modality: version for modality, version in present.items() if asked.model in version.models}
    if not users:
        names = sorted(name for version in present.values() for name in version.models)
        raise UnknownModel(f"no agent uses a model {asked.model!r}; there are {', '.join(names)}")
    return users

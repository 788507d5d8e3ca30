"""The origin of a modality's results as one fingerprint: it changes whenever results may change."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Final

from models.card import Card
from models.card_registry import cards_of_modality
from operators.context.prototypes import PROTOTYPES, Prototypes
from operators.media.plan import PLAN_VERSION, PlanPolicy
from schemas.identity import Modality
from streams.analysis.agents.analysis import Agent
from streams.analysis.agents.signals import Provenance

_READ_TEXT: Final[frozenset[Modality]] = frozenset(("frames", "audio", "context"))
"""Modalities whose agents judge text, uploaded or recognised."""


def provenance_of(
    agent: Agent,
    cards: Mapping[str, Card],
    modes: Mapping[str, str],
    plan: PlanPolicy,
    models_generation: int = 0,
    prototypes: Prototypes | None = None,
    speech: str = "",
    chat: str = "",
) -> Provenance:
    """Describe an agent as it runs in this worker.

    Args:
        agent: of the registry.
        cards: all cards by model name.
        modes: how the batched models compute in this worker, by name, see `Inference.how`; other models have one way
            only.
        plan: how media is sampled.
        models_generation: of the settings.
        prototypes: that the agent compares texts with.
        speech: how much of which videos is transcribed, in words; empty if nothing is.
        chat: which model is asked what about which videos; empty if none is.
    """
    models = models_of(agent.modality, cards, prototypes)
    parts = [f"{name}={text}/{modes.get(name, 'host')}" for name, text in sorted(models.items())]
    parts += [f"plan={PLAN_VERSION}/{plan!r}", f"code={agent.code_version}"]
    parts += [f"speech={speech}"] if agent.modality == "audio" else []
    parts += [f"chat={chat}"] if chat and agent.modality == "frames" else []
    return Provenance(
        fingerprint=hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32],
        generation=generation_of(agent, cards, models_generation, prototypes),
        models=models,
    )


class LiveProvenance:
    """The provenance of every modality now: a server may get another version of a model while the worker runs.

    Args:
        modes: returns how the batched models compute, by name.
        describe: computes the provenance from that.
    """

    def __init__(
        self,
        modes: Callable[[], Mapping[str, str]],
        describe: Callable[[Mapping[str, str]], Mapping[Modality, Provenance]],
    ) -> None:
        self._modes = modes
        self._describe = describe
        self._known = dict(modes())
        self._described = describe(self._known)

    def __call__(self) -> Mapping[Modality, Provenance]:
        """Return it by modality."""
        modes = self._modes()
        if modes != self._known:
            self._known, self._described = dict(modes), self._describe(modes)
        return self._described


def models_on_devices(modality: Modality, cards: Mapping[str, Card]) -> tuple[str, ...]:
    """Return the batched models whose results are in a modality's signals, by name."""
    return tuple(card.name for card in _cards_of(modality, cards) if card.batch_sizes)


def reads_text(modality: Modality) -> bool:
    """Return whether the modality's agent judges text."""
    return modality in _READ_TEXT


def models_of(modality: Modality, cards: Mapping[str, Card], prototypes: Prototypes | None) -> dict[str, str]:
    """Return the fingerprint of each model of a modality; the prototypes count as one of the text's."""
    models = {card.name: card.fingerprint for card in _cards_of(modality, cards)}
    return models | ({PROTOTYPES: prototypes.fingerprint} if prototypes and modality in _READ_TEXT else {})


def _cards_of(modality: Modality, cards: Mapping[str, Card]) -> tuple[Card, ...]:
    """Return the models of a modality, and those of text where it judges what it recognises; added ones read only what
    is uploaded."""
    own = cards_of_modality(modality, cards)
    if modality == "context" or modality not in _READ_TEXT:
        return own
    return (*own, *(card for card in cards_of_modality("context", cards) if not card.is_added))


def generation_of(
    agent: Agent, cards: Mapping[str, Card], models_generation: int = 0, prototypes: Prototypes | None = None
) -> int:
    """Grows with every model, code and sampling plan that replaces another; of two signals the higher one wins.

    An agent that gives a model up has to raise its `code_version` by more than that model's generation; a change that
    removes an added model raises the setting `models_generation` by as much.
    """
    models = sum(card.generation for card in _cards_of(agent.modality, cards))
    examples = prototypes.version if prototypes and agent.modality in _READ_TEXT else 0
    return models + agent.code_version + PLAN_VERSION + models_generation + examples

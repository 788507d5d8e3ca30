"""What a modality's results come from, as one fingerprint: it changes when results may."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from models.card import Card, Precision
from operators.media.plan import PLAN_VERSION, PlanPolicy
from streams.analysis.agents.analysis import Agent
from streams.analysis.agents.signals import Provenance


def provenance_of(
    agent: Agent, cards: Mapping[str, Card], precisions: Mapping[str, Precision], plan: PlanPolicy
) -> Provenance:
    """Describe an agent as it runs in this worker.

    Args:
        agent: of the registry.
        cards: all cards by model name.
        precisions: what the batched models run in here; a model that is not among them computes in float32.
        plan: how media is sampled.
    """
    models = {name: cards[name].fingerprint for name in agent.models}
    parts = [f"{name}={text}/{precisions.get(name, 'float32')}" for name, text in sorted(models.items())]
    parts += [f"plan={PLAN_VERSION}/{plan!r}", f"code={agent.code_version}"]
    return Provenance(
        fingerprint=hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32],
        generation=generation_of(agent, cards),
        models=models,
    )


def generation_of(agent: Agent, cards: Mapping[str, Card]) -> int:
    """Grows with every model, code and sampling plan that replaces another; of two signals the higher one wins.

    An agent that gives a model up has to raise its `code_version` by more than that model's generation.
    """
    return sum(cards[name].generation for name in agent.models) + agent.code_version + PLAN_VERSION

"""The agents, one per modality."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from schemas.identity import Modality
from streams.analysis.agents import audio, context, frames, motion
from streams.analysis.agents.analysis import Agent


def checked_agents(agents: Iterable[Agent]) -> dict[Modality, Agent]:
    """Index agents by modality.

    Raises:
        ValueError: two agents share a modality.
    """
    registry: dict[Modality, Agent] = {}
    for agent in agents:
        if agent.modality in registry:
            raise ValueError(f"two agents are of modality {agent.modality!r}; each has one")
        registry[agent.modality] = agent
    return registry


AGENTS: Final[dict[Modality, Agent]] = checked_agents(
    (
        Agent(
            modality="frames",
            analyse=frames.analyse,
            code_version=9,
        ),
        Agent(
            modality="audio",
            analyse=audio.analyse,
            code_version=7,
        ),
        Agent(modality="motion", analyse=motion.analyse, code_version=7),
        Agent(
            modality="context",
            analyse=context.analyse,
            code_version=7,
            needs_media=False,
        ),
    )
)
"""In the order in which documents list the modalities."""

"""The state of each modality as text."""

from __future__ import annotations

from typing import Final

from schemas.identity import MODALITIES, Modality
from schemas.outcomes import ModalityStates

ABSENT: Final[dict[Modality, str]] = {
    "frames": "no picture",
    "audio": "no sound",
    "motion": "no moving picture",
    "context": "no title",
}
"""What a video lacks if a modality is absent; its context is title, description and hashtags."""


def modality_lines(states: ModalityStates) -> list[str]:
    """Return one line per modality."""
    return [f"{modality:8} {_state(states, modality)}" for modality in MODALITIES if _state(states, modality)]


def absent_words(states: ModalityStates) -> str:
    """Return what the video lacks, such as `no sound, no title`; empty if nothing."""
    return ", ".join(ABSENT[modality] for modality in states.absent)


def _state(states: ModalityStates, modality: Modality) -> str:
    if modality in states.failed:
        failure = states.failed[modality]
        return f"failed: {failure.cause}: {failure.message}"
    if modality in states.absent:
        return ABSENT[modality]
    if modality in states.missing:
        return "missing: no result came in time"
    return "present" if modality in states.present else ""

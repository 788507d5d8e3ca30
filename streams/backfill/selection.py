"""Selects past uploads to send again: a pure decision from what the store knows of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from schemas.facts import Signal
from schemas.identity import Modality
from streams.backfill.jobs import JobFilter
from streams.decision.state import VideoState

Reason = Literal[
    "forgotten",  # deleted, up to this or a later revision
    "superseded",  # a higher revision is known
    "unfinished",  # live work continues, or its facts are not folded yet
    "sealed",  # a rebuild kept its outcome without its facts; only a higher revision starts again
    "up-to-date",  # made by the current models, or in the selected space
]
"""Why an upload is not sent again."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store knows of an upload's video."""

    state: VideoState | None = None
    forgotten_revision: int = 0
    newest_revision: int = 0
    """Newest revision that intake accepted."""
    is_in_space: bool = False
    """Whether it has a vector in the selected space."""


class ResultVersion(Protocol):
    """The current version of a modality."""

    def made(self, signal: Signal, model: str | None) -> bool:
        """Return whether a signal is of this version, with regard to one model, or to all."""


def skip_reason(
    revision: int, stored: Stored, asked: JobFilter, versions: Mapping[Modality, ResultVersion]
) -> Reason | None:
    """Return why an upload is not sent again; None if it is sent.

    A video that the store does not know is sent: its state may be lost, and if it is only new, the cost is small.

    Args:
        revision: of the upload.
        stored: of its video.
        asked: the operator's filter.
        versions: of the selected modalities.
    """
    state = stored.state
    if max(stored.forgotten_revision, state.forgotten_revision if state else 0) >= revision:
        return "forgotten"
    if max(stored.newest_revision, state.revision if state else 0) > revision:
        return "superseded"
    if state is not None and state.sealed_revision >= revision and state.accepted is None:
        return "sealed"
    if asked.is_every or state is None:
        return None
    if state.revision < revision or not state.is_complete:
        return "unfinished"
    if asked.space is not None:
        return "up-to-date" if stored.is_in_space else None
    signals = [(state.signals.get(modality), version) for modality, version in versions.items()]
    is_made = all(signal is not None and version.made(signal, asked.model) for signal, version in signals)
    return "up-to-date" if is_made else None

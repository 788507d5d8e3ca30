"""Which past uploads are to be sent again: a pure decision from what the store knows of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from schemas.facts import Signal
from schemas.identity import Modality
from streams.backfill.jobs import JobFilter
from streams.decision.state import VideoState

Reason = Literal[
    "forgotten",  # deleted, up to and with this revision or a later one
    "superseded",  # a higher revision is known
    "unfinished",  # live work on it goes on, or its facts are not folded yet
    "sealed",  # a rebuild kept its outcome without the facts behind it; only a higher revision begins again
    "up-to-date",  # made by the present models, or in the space that is asked for
]
"""Why an upload is not sent again."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store knows of an upload's video."""

    state: VideoState | None = None
    forgotten_revision: int = 0
    newest_revision: int = 0
    """As far as intake has seen."""
    is_in_space: bool = False
    """Whether it has a vector in the space that is asked for."""


class ResultVersion(Protocol):
    """A modality as it would be analysed now."""

    def made(self, signal: Signal, model: str | None) -> bool:
        """Whether a signal is of this version, as far as one model, or any, is concerned."""


def skip_reason(
    revision: int, stored: Stored, asked: JobFilter, versions: Mapping[Modality, ResultVersion]
) -> Reason | None:
    """Say why an upload is not sent again; None where it is.

    A video of which the store knows nothing is sent: its state may be lost, and if it is only new, that costs little.

    Args:
        revision: of the upload.
        stored: of its video.
        asked: by the operator.
        versions: of the modalities that were asked for.
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

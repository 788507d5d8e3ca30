"""The state of one video: what the fold of its facts remembers."""

from __future__ import annotations

from msgspec import Struct

from schemas.engagement import Engagement
from schemas.facts import Accepted, Failure, Review, Signal
from schemas.identity import Modality
from schemas.outcomes import ModalityStates, OutcomeStatus, Version
from schemas.warnings import EventWarning
from streams.decision.deletions import Deletions

MAX_WAITING_REVISIONS = 3
"""Revisions whose signals wait for their `accepted`; of more, the lowest is dropped: it is superseded anyway."""

Signals = dict[Modality, Signal]
"""The winning signal of each modality."""


class VideoState(Struct, frozen=True, kw_only=True):
    """All that the facts of a video say, as far as a later fact or a verdict needs it."""

    log_generation: int
    applied_offset: int
    """Of the last record that was folded; it and all before it change nothing any more."""
    accepted: Accepted | None = None
    """Of the current revision, with the lowest place of its uploads as source. Without it there is no outcome."""
    is_uploaded_elsewhere: bool = False
    """Whether the current revision was uploaded to another partition of uploads, too; no deletion comes before both."""
    signals: Signals = {}
    """Of the current revision."""
    waiting: dict[int, Signals] = {}
    """Signals that overtook their `accepted`, by revision; each higher than the current one."""
    is_deadline_fired: bool = False
    """Of the current revision."""
    version: Version | None = None
    """Of the last outcome."""
    engagement: Engagement | None = None
    """As of the newest summary; of the video, whatever its revision."""
    review: Review | None = None
    """The latest of the current revision."""
    forgotten_revision: int = 0
    """Set by a deletion, up to and with this revision; lifted by the `accepted` of a higher one."""
    withdrawn_revision: int = 0
    """The highest that was accepted of those that are forgotten; 0 where a deletion found nothing."""
    deletions: Deletions = ()
    """Those that go by their place. They outlive a new life: what was uploaded before them may still come."""
    deletion_warnings: tuple[EventWarning, ...] = ()
    """Of the last deletion; those of the current revision are kept with its `accepted`."""
    sealed_revision: int = 0
    """Set by a rebuild where the facts behind a published outcome are gone from the log: that outcome stands, and only
    a higher revision begins again. A state made of what facts are left would replace a whole verdict by half of one."""

    @property
    def revision(self) -> int:
        """The current revision; 0 before the first `accepted`."""
        return self.accepted.revision if self.accepted else max(self.sealed_revision, self.forgotten_revision)

    @property
    def is_forgotten(self) -> bool:
        """Whether the video was deleted and nothing newer was accepted since."""
        return self.accepted is None and self.forgotten_revision > 0

    @property
    def is_complete(self) -> bool:
        """Whether every expected modality answered."""
        return self.accepted is not None and all(modality in self.signals for modality in self.accepted.expected)

    @property
    def status(self) -> OutcomeStatus:
        """What an outcome of this state would be."""
        if self.is_complete:
            return "final"
        return "provisional" if self.is_deadline_fired else "pending"


def with_signal(signals: Signals, signal: Signal) -> Signals:
    """Let a signal compete: ok beats failed, then the higher generation; a tie keeps what came first.

    Returns the same object where it lost.
    """
    current = signals.get(signal.modality)
    if current is not None and _rank(signal) <= _rank(current):
        return signals
    return {**signals, signal.modality: signal}


def modality_states(state: VideoState) -> ModalityStates:
    """Where each modality stands; modalities that answered unasked are listed, too."""
    expected = state.accepted.expected if state.accepted else ()
    answered = [state.signals[modality] for modality in sorted(state.signals)]
    succeeded = [signal for signal in answered if signal.status == "ok"]
    return ModalityStates(
        present=tuple(signal.modality for signal in succeeded if signal.is_present),
        absent=tuple(signal.modality for signal in succeeded if not signal.is_present),
        missing=tuple(modality for modality in expected if modality not in state.signals),
        failed={signal.modality: signal.failure or _UNSAID for signal in answered if signal.status == "failed"},
    )


_UNSAID = Failure(cause="unknown", message="the signal does not say why it failed")


def _rank(signal: Signal) -> tuple[bool, int]:
    return signal.status == "ok", signal.generation

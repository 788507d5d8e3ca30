"""The state of one video: the result of folding its facts."""

from __future__ import annotations

from msgspec import Struct

from schemas.engagement import Engagement
from schemas.facts import Accepted, Failure, Review, Signal
from schemas.identity import Modality
from schemas.outcomes import ModalityStates, OutcomeStatus, Version
from schemas.warnings import EventWarning
from streams.decision.deletions import Deletions

MAX_WAITING_REVISIONS = 3
"""Number of revisions whose signals wait for their `accepted`; above it the lowest is dropped, because it is superseded
anyway."""

Signals = dict[Modality, Signal]
"""The winning signal of each modality."""


class VideoState(Struct, frozen=True, kw_only=True):
    """What later facts or a verdict need of a video's facts."""

    log_generation: int
    applied_offset: int
    """Offset of the last folded record; this record and all before it change nothing any more."""
    accepted: Accepted | None = None
    """Acceptance of the current revision, with the lowest position of its uploads as source. Without it there is no
    outcome."""
    is_uploaded_elsewhere: bool = False
    """Whether the current revision was also uploaded to another partition of uploads; then no deletion comes before
    both."""
    signals: Signals = {}
    """Of the current revision."""
    waiting: dict[int, Signals] = {}
    """Signals that arrived before their `accepted`, by revision; each is higher than the current one."""
    is_deadline_fired: bool = False
    """Of the current revision."""
    version: Version | None = None
    """Of the last outcome."""
    engagement: Engagement | None = None
    """From the newest summary; of the video, whatever its revision."""
    review: Review | None = None
    """The latest of the current revision."""
    forgotten_revision: int = 0
    """Highest deleted revision; reset by the `accepted` of a higher one."""
    withdrawn_revision: int = 0
    """The highest accepted revision among the deleted ones; 0 if the deletion found nothing."""
    deletions: Deletions = ()
    """Deletions by position. They remain for a new revision, because uploads from before them may still arrive."""
    deletion_warnings: tuple[EventWarning, ...] = ()
    """Of the last deletion; warnings of the current revision are kept with its `accepted`."""
    sealed_revision: int = 0
    """Set by a rebuild if the facts behind a published outcome are no longer in the log: that outcome stays, and
    only a higher revision starts again. A state made of the remaining facts would replace a complete verdict by a
    partial one."""

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
        """Whether every expected modality has answered."""
        return self.accepted is not None and all(modality in self.signals for modality in self.accepted.expected)

    @property
    def status(self) -> OutcomeStatus:
        """The status of an outcome of this state."""
        if self.is_complete:
            return "final"
        return "provisional" if self.is_deadline_fired else "pending"


def with_signal(signals: Signals, signal: Signal) -> Signals:
    """Add a signal: ok beats failed, then the higher generation; in a tie the first stays.

    Returns the same object if the signal loses.
    """
    current = signals.get(signal.modality)
    if current is not None and _rank(signal) <= _rank(current):
        return signals
    return {**signals, signal.modality: signal}


def modality_states(state: VideoState) -> ModalityStates:
    """Return the state of each modality; modalities that answered without being expected are included."""
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

"""What a refold reports in addition to the videos that it returns: those that cannot be folded, and their deletions."""

from __future__ import annotations

from dataclasses import dataclass, field

from schemas.facts import Deleted, Fact
from streams.decision.fact_reading import NewerFact
from streams.decision.state import VideoState
from streams.kafka.unreadable import UnreadableRecords
from streams.store.deletion_reach import joined_deletion
from streams.store.gap import GapCause


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a video cannot be folded from the log."""

    cause: GapCause
    offset: int
    message: str
    kind: str = ""
    """Kind of a fact that a newer release wrote."""
    type: str = ""


@dataclass
class RefoldReport:
    """Results of a refold in addition to the videos that it returns."""

    faults: dict[str, Fault] = field(default_factory=dict)
    """By video; such a video is not among those that are returned."""
    seen: dict[str, int] = field(default_factory=dict)
    """Offset of the last fact of each video."""
    deletions: dict[str, Deleted | None] = field(default_factory=dict)
    """Of each video that is not returned, what its deletions reach together: nothing of that may be served. None where
    one of them cannot be read."""
    survived: list[int] = field(default_factory=list)
    """Offsets of suspects that were folded without a death of this process."""
    unreadable: UnreadableRecords = field(default_factory=UnreadableRecords)

    def is_deletion_unread(self, video_id: str) -> bool:
        """Return whether a deletion of the video waits that only a newer release can read."""
        return video_id in self.deletions and self.deletions[video_id] is None

    def let_wait(self, fact: Fact | NewerFact) -> None:
        """Note a fact of a video that is not folded."""
        if isinstance(fact, Deleted):
            self._join_deletion(fact.video_id, fact)
        elif isinstance(fact, NewerFact) and fact.is_deletion:
            self.deletions[fact.video_id] = None

    def _join_deletion(self, video_id: str, deletion: Deleted) -> None:
        known = self.deletions.get(video_id)
        if known is not None or video_id not in self.deletions:
            self.deletions[video_id] = joined_deletion(known, deletion)

    def keep_deleted(self, video_id: str, state: VideoState) -> None:
        """Note what was deleted of a video before the fact that cannot be folded."""
        if state.is_forgotten:
            before = state.deletions[-1].before if state.deletions else None
            done = Deleted(
                video_id=video_id,
                revision=state.forgotten_revision,
                reason="",
                event_unix_seconds=0.0,  # its effect is known by its revision
                before=before,
                warnings=state.deletion_warnings,
            )
            self._join_deletion(video_id, done)

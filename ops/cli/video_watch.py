"""The state of a watched video in Redis: refusals, and whether there is anything left to wait for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from ops.cli.upload_ending import SenderReading
from streams.store.refusal_reading import Refusal

_LOOKS_AT_FINAL: Final = 3
"""Polls after a final status: the broker delivers a verdict that arrives now; one that arrived while the watch started
is visible in Redis only."""


EndingWord = Literal["final", "refused", "deleted"]


@dataclass(frozen=True, slots=True)
class StatusChange:
    """What one reading adds."""

    refusals: tuple[Refusal, ...] = ()
    """To be printed now."""
    ending: EndingWord | None = None
    is_unknown: bool = False
    """Whether the video is unknown."""


@dataclass(slots=True)
class VideoWatch:
    """Evaluates readings of one video, the first of them soon after the consumer has started."""

    from_beginning: bool
    _seen: set[str] = field(default_factory=set)
    _num_looks: int = 0
    _num_final: int = 0
    _had_case: bool = False

    def look(self, reading: SenderReading) -> StatusChange:
        """Compare a reading with the previous ones."""
        self._num_looks += 1
        ending = self._ending(reading)
        fresh = tuple(refusal for refusal in reading.refusals if refusal.dead_letter_id not in self._seen)
        if self._num_looks == 1 and not self.from_beginning:
            fresh = fresh[-1:] if ending == "refused" else ()
        self._seen |= {refusal.dead_letter_id for refusal in reading.refusals}
        is_unknown = not (reading.status.status or reading.refusals)
        return StatusChange(fresh, ending, is_unknown)

    def _ending(self, reading: SenderReading) -> EndingWord | None:
        if self._had_case and not reading.status.status and reading.deletion is not None:
            return "deleted"
        self._had_case = self._had_case or bool(reading.status.status)
        if reading.status.status in ("pending", "provisional"):
            return None
        if _is_last_refused(reading):
            return "refused"
        if reading.verdict is None or reading.status.status != "final" or self.from_beginning:
            return None
        self._num_final += 1
        return "final" if self._num_looks == 1 or self._num_final >= _LOOKS_AT_FINAL else None


def _is_last_refused(reading: SenderReading) -> bool:
    """Return whether the last upload was refused by intake; one that the media role refused was accepted."""
    times = [refusal.refused_unix_seconds for refusal in reading.refusals if refusal.role == "intake"]
    if not times:
        return not reading.status.status and bool(reading.refusals)
    decided = reading.verdict.decided_unix_seconds if reading.verdict is not None else 0.0
    return not reading.status.status or times[-1] > decided

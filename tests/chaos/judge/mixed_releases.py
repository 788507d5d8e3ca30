"""What an older worker beside the present ones may leave behind: faults that its release is known to have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tests.chaos.judge.evidence import ENGAGEMENT, SIGNALS, UPLOADED, Record
from tests.chaos.judge.judge import Judgement

OF_OLDER_RELEASE: Final = frozenset({"deadline-of-final", "engagement-expires-soon", "dead-letter-of-deleted"})
"""It leaves the deadline of a final verdict registered, keeps counts of a case that it does not know yet for a day, and
writes dead letters of deleted videos. None of it outlives its time by much, and none of it is wrong to a reader."""
_LATE_SECONDS: Final = 60.0
"""So long after it was killed, what it had read before may still come."""

Interval = tuple[float, float]
"""From when until when an older worker lived."""


def without_known_faults(
    judgement: Judgement, records: Mapping[str, Sequence[Record]], intervals: Sequence[Interval]
) -> Judgement:
    """Leave out those violations, of videos that had a record while an older worker lived."""
    touched = {
        record.key.decode(errors="replace")
        for topic in (UPLOADED, SIGNALS, ENGAGEMENT)
        for record in records[topic]
        if any(began <= record.unix_seconds <= ended + _LATE_SECONDS for began, ended in intervals)
    }
    excused = [
        violation
        for violation in judgement.violations
        if violation.kind in OF_OLDER_RELEASE and violation.about in touched
    ]
    left = tuple(violation for violation in judgement.violations if violation not in excused)
    return Judgement(left, {**judgement.looked_at, "left_by_the_older_release": len(excused)})

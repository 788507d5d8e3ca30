"""What an older worker next to the present ones may leave behind: faults that its release is known to have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tests.chaos.judge.evidence import ENGAGEMENT, SIGNALS, UPLOADED, Record
from tests.chaos.judge.expected import expected_of
from tests.chaos.judge.judge import Evaluation
from tests.chaos.judge.violations import KINDS, Violation

OF_OLDER_RELEASE: Final = frozenset({"engagement-expires-soon", "dead-letter-of-deleted"})
"""It keeps counts of a case that it does not know yet for a day, and writes dead letters of deleted videos."""
OF_UNNUMBERED_DELETIONS: Final = frozenset(
    {kind for kind, severity in KINDS.items() if severity == "resurrected"}
    | {"no-guard", "no-tombstone", "wrong-revision", "tombstone-on-live", "guard-on-live"}
    | {"no-outcome", "no-verdict-in-store", "no-vector"}
)
"""It does not compare places, so a deletion that names no revision may reach too far, or not far enough. No such
deletion is sent while one lives; one that was sent shortly before may still meet it."""
_LATE_SECONDS: Final = 60.0
"""So long after it was killed, what it had read before may still come."""

Interval = tuple[float, float]
"""From when until when an older worker lived."""


def without_known_faults(
    judgement: Evaluation, records: Mapping[str, Sequence[Record]], intervals: Sequence[Interval]
) -> Evaluation:
    """Leave out those violations, of videos that had a record while an older worker lived."""
    touched = {
        record.key.decode(errors="replace")
        for topic in (UPLOADED, SIGNALS, ENGAGEMENT)
        for record in records[topic]
        if any(began <= record.unix_seconds <= ended + _LATE_SECONDS for began, ended in intervals)
    }
    videos = expected_of(records[UPLOADED]).videos
    unnumbered = {video_id for video_id in touched if video_id in videos and videos[video_id].has_unnumbered_deletion}

    def is_known(violation: Violation) -> bool:
        is_of_release = _is_of_older_release(violation) and violation.about in touched
        return is_of_release or (violation.kind in OF_UNNUMBERED_DELETIONS and violation.about in unnumbered)

    excused = [violation for violation in judgement.violations if is_known(violation)]
    left = tuple(violation for violation in judgement.violations if violation not in excused)
    return Evaluation(left, {**judgement.looked_at, "left_by_the_older_release": len(excused)})


def _is_of_older_release(violation: Violation) -> bool:
    """It also knows no refusals, so its deletions leave them to the end of their own life."""
    is_refusal = violation.kind == "key-of-deleted" and violation.details.get("what") == "refusals"
    return is_refusal or violation.kind in OF_OLDER_RELEASE

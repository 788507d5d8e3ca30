"""What an older worker is known to leave is left out, and nothing else."""

from __future__ import annotations

import pytest

from tests.chaos.judge.evidence import ENGAGEMENT, SIGNALS, UPLOADED, Record
from tests.chaos.judge.judge import Evaluation
from tests.chaos.judge.mixed_releases import OF_OLDER_RELEASE, OF_UNNUMBERED_DELETIONS, without_known_faults
from tests.chaos.judge.violations import KINDS, Violation

AT = 1000.0
NUMBERED = b'{"video_id": "video-1", "deleted": true, "revision": 1}'
UNNUMBERED = b'{"video_id": "video-1", "deleted": true}'


def records_of(deletion: bytes) -> dict[str, list[Record]]:
    return {UPLOADED: [Record(0, 0, AT, b"video-1", deletion)], SIGNALS: [], ENGAGEMENT: []}


def left(kind: str, began: float, ended: float, video_id: str = "video-1", deletion: bytes = NUMBERED) -> int:
    judgement = Evaluation((Violation(kind, video_id),), {})
    return len(without_known_faults(judgement, records_of(deletion), [(began, ended)]).violations)


@pytest.mark.parametrize("kind", KINDS)
def test_only_known_kinds_are_left_out(kind: str) -> None:
    """Of a video that had a record while the older worker lived."""
    assert left(kind, AT - 1, AT + 1) == (kind not in OF_OLDER_RELEASE)


@pytest.mark.parametrize("kind", KINDS)
def test_deletions_that_name_no_revision(kind: str) -> None:
    """What they bring about is known only of videos that had one."""
    is_known = kind in OF_OLDER_RELEASE | OF_UNNUMBERED_DELETIONS
    assert left(kind, AT - 1, AT + 1, deletion=UNNUMBERED) == (not is_known)


def test_refusals_of_deleted_videos_are_left_out() -> None:
    """The older release knows none of them; every other key of a deleted video counts."""
    for what, number in (("refusals", 0), ("claims", 1)):
        judgement = Evaluation((Violation("key-of-deleted", "video-1", {"what": what}),), {})
        assert len(without_known_faults(judgement, records_of(NUMBERED), [(AT, AT)]).violations) == number


def test_only_videos_of_its_time_are_left_out() -> None:
    """A record before it began, or long after it ended, excuses nothing; nor does another video's."""
    assert left("engagement-expires-soon", AT + 1, AT + 9) == 1
    assert left("engagement-expires-soon", AT - 900, AT - 800) == 1
    assert left("engagement-expires-soon", AT - 1, AT + 1, "video-2") == 1


def test_says_how_many() -> None:
    """So that nobody overlooks it."""
    judgement = Evaluation((Violation("engagement-expires-soon", "video-1"),), {})
    assert without_known_faults(judgement, records_of(NUMBERED), [(AT, AT)]).looked_at == {
        "left_by_the_older_release": 1
    }

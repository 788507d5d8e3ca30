"""When `watch VIDEO_ID --until-final` has nothing more to wait for."""

from __future__ import annotations

import pytest

from ops.cli.upload_ending import SenderReading
from ops.cli.video_watch import VideoWatch
from streams.store.deletion_reading import DeletionReading
from tests.unit.ops.cli.senders import NOTHING, reading, refusal, status


@pytest.mark.parametrize(
    ("said", "ending"),
    [
        (NOTHING, None),
        (reading(None, refusal()), "refused"),
        (reading(status("pending"), refusal()), None),
        (reading(status("provisional"), refusal()), None),
        (reading(status(), decided_unix_seconds=100.0), "final"),
        (reading(status(), refusal(seconds=99.0), decided_unix_seconds=100.0), "final"),
        (reading(status(), refusal(seconds=101.0), decided_unix_seconds=100.0), "refused"),
        (reading(status(), refusal(seconds=101.0, role="media"), decided_unix_seconds=100.0), "final"),
    ],
)
def test_the_first_look(said: SenderReading, ending: str | None) -> None:
    """A live case is waited for; a refusal that came after the last decision, or without a case, ends the watch."""
    look = VideoWatch(from_beginning=False).look(said)
    assert look.ending == ending
    assert [found.dead_letter_id for found in look.refusals] == (["letter-7"] if ending == "refused" else [])


def test_old_refusals_are_told_from_the_beginning_only() -> None:
    """Next to a live case those that were known when the watch began are no news; later ones are, once."""
    old, new = refusal(1), refusal(2, seconds=60.0)
    case = status("pending")
    now, later = VideoWatch(from_beginning=False), VideoWatch(from_beginning=True)
    assert [now.look(reading(case, *known)).refusals for known in ((old,), (old, new), (old, new))] == [(), (new,), ()]
    assert [later.look(reading(case, *known)).refusals for known in ((old,), (old, new))] == [(old,), (new,)]


def test_a_verdict_that_came_while_the_watch_began() -> None:
    """Redis tells it where the broker does not, after a few looks; a replay from the beginning is waited for."""
    said = [reading(status("pending")), *[reading(status())] * 4]
    now, replay = VideoWatch(from_beginning=False), VideoWatch(from_beginning=True)
    assert [now.look(found).ending for found in said] == [None, None, None, "final", "final"]
    assert {replay.look(found).ending for found in said} == {None}


def test_nobody_knows_it() -> None:
    """Neither a case nor a refusal."""
    watch = VideoWatch(from_beginning=False)
    assert [watch.look(found).is_unknown for found in (NOTHING, reading(status("pending")))] == [True, False]


def test_a_video_that_is_deleted_meanwhile() -> None:
    """No verdict comes any more; a deletion from before the upload that is waited for ends nothing."""
    gone = reading(deletion=DeletionReading(revision=1))
    watch = VideoWatch(from_beginning=False)
    assert [watch.look(found).ending for found in (gone, reading(status("pending")), gone)] == [None, None, "deleted"]

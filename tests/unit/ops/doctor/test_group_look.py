"""Two looks at a group, some seconds apart: who is behind, and whether it moves."""

from __future__ import annotations

import pytest

from ops.doctor.finding import Finding
from ops.doctor.group_look import GroupLook, judge
from streams.config.settings import Role


def look(committed: int | None, end: int = 40, *, members: int = 1, start: int = 0) -> GroupLook:
    return GroupLook(members, {0: committed, 1: 5}, {0: start, 1: 0}, {0: end, 1: 5})


def judged(*looks: GroupLook, role: Role = "intake", **known: bool) -> Finding:
    return judge(f"vidsignal-{role}", role, looks, **known)


class TestMoving:
    @pytest.mark.parametrize("role", ["intake", "verdict", "engagement"])
    def test_behind_and_not_moving_is_wrong(self, role: Role) -> None:
        """A member is there, records wait, and nothing was committed between the looks."""
        finding = judged(look(3), look(3), look(3), role=role)
        assert (finding.state, finding.found) == ("wrong", "1 member, 37 records behind and not moving")
        assert "vidsignal top" in finding.do

    def test_new_records_are_no_movement(self) -> None:
        """The end moves with the producers."""
        assert judged(look(3), look(3, 90)).state == "wrong"

    def test_behind_and_moving_is_ok(self) -> None:
        """However far behind."""
        finding = judged(look(3), look(4))
        assert (finding.state, finding.found) == ("ok", "1 member, 36 records behind and moving")

    def test_what_waited_and_is_gone_is_ok(self) -> None:
        """Level at the second look."""
        assert judged(look(3), look(40)).found == "1 member, 0 records behind"

    def test_level_at_once_is_ok(self) -> None:
        """Nobody looks twice."""
        assert judged(look(40)).state == "ok"

    def test_a_group_that_never_committed(self) -> None:
        """It is behind from the start of the log, and not moving."""
        assert judged(look(None), look(None)).found == "1 member, 40 records behind and not moving"


class TestSlowRoles:
    def test_a_long_video_is_a_warning(self) -> None:
        """Within seconds nothing need be finished."""
        assert judged(look(3), look(3), role="media").state == "warning"

    def test_a_record_that_waits_for_longer_than_any_event_takes_is_wrong(self) -> None:
        """By its timestamp."""
        assert judged(look(3), look(3), role="media", head_is_late=True).state == "wrong"

    def test_past_uploads_may_wait(self) -> None:
        """They stand back for live ones, and an operator may pause them."""
        assert judged(look(3), look(3), role="backfill", head_is_late=True).state == "warning"
        assert judged(look(3), look(3), role="backfill", is_paused=True).state == "ok"


class TestNobody:
    def test_nobody_works(self) -> None:
        """A warning with the command."""
        finding = judged(look(3, members=0))
        assert (finding.state, finding.do) == ("warning", "vidsignal worker --roles intake")

    def test_records_that_left_the_log(self) -> None:
        """They are lost, whatever moves."""
        assert judged(look(3, start=10)).found == "7 records left the topic before the group read them"

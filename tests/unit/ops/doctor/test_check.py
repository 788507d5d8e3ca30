"""Running examinations: next to one another, under one deadline, none hiding another."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from ops.doctor.check import Check, examine_all
from ops.doctor.check_context import CheckContext, Once, in_thread, is_there
from ops.doctor.check_registry import EXAMINATIONS, UnknownCheck, choose
from ops.doctor.finding import Finding, ok
from ops.doctor.groups import TOPIC_OF_ROLE
from streams.config.settings import ROLES
from streams.kafka.clients import BrokerUnavailable
from tests.doctor_world import context, only


def well(_: CheckContext) -> Iterator[Finding]:
    yield ok("thing", "as it should be")


def broken_off(_: CheckContext) -> Iterator[Finding]:
    yield ok("first", "seen")
    raise BrokerUnavailable("gone in the middle")


class TestExamineAll:
    def test_order_is_that_of_the_registry(self) -> None:
        """What is found comes in the order of the examinations, no matter who ends first."""
        first_may_end = threading.Event()

        def waits(_: CheckContext) -> Iterator[Finding]:
            first_may_end.wait(60)
            yield ok("slow", "done")

        def lets_it_go(_: CheckContext) -> Iterator[Finding]:
            first_may_end.set()
            yield ok("quick", "done")

        examinations = (Check("slow", "", waits), Check("quick", "", lets_it_go))
        found = list(examine_all(examinations, context(), 60))
        assert [(item.name, only(item.findings).state) for item in found] == [("slow", "ok"), ("quick", "ok")]

    def test_one_that_hangs_was_not_checked(self) -> None:
        """An examination without an answer by the deadline is told as that, and the others are told in full."""
        never = threading.Event()

        def hangs(_: CheckContext) -> Iterator[Finding]:
            never.wait()
            yield ok("never", "reached")

        examinations = (Check("hanging", "", hangs), Check("well", "", well))
        # The second has an answer before its turn: no time is left for it, and none is needed.
        hanging, good = examine_all(examinations, context(), deadline_seconds=2.0)
        never.set()
        assert only(hanging.findings).state == "not-checked"
        assert only(good.findings).state == "ok"

    def test_a_server_that_goes_away_is_told(self) -> None:
        """What a server's disappearance broke off reports it, next to what was found before."""
        found = next(examine_all((Check("broken", "", broken_off),), context(), 60)).findings
        assert [(finding.state, finding.found) for finding in found] == [
            ("ok", "seen"),
            ("not-checked", "broken off: gone in the middle"),
        ]

    def test_a_bug_is_not_hidden(self) -> None:
        """Only what servers do is expected; a mistake of ours ends the command."""

        def mistaken(_: CheckContext) -> Iterator[Finding]:
            raise ZeroDivisionError
            yield

        with pytest.raises(ZeroDivisionError):
            next(examine_all((Check("mistaken", "", mistaken),), context(), 60))

    def test_media_is_not_examined_where_no_media_is_read(self) -> None:
        """A worker of the light roles needs neither weights nor decoders."""
        check = Check("weights", "", well, is_of_media=True)
        assert only(next(examine_all((check,), context(roles="intake,verdict"), 60)).findings).state == "not-checked"
        for role in ("media", "backfill"):
            assert only(next(examine_all((check,), context(roles=role), 60)).findings).state == "ok"


class TestChoose:
    def test_some(self) -> None:
        """Named ones are run in the registry's order."""
        assert [check.name for check in choose("redis, broker")] == ["broker", "redis"]

    def test_all(self) -> None:
        """Without a choice everything is run, and every name is there once."""
        assert choose(None) == EXAMINATIONS
        assert len({check.name for check in EXAMINATIONS}) == len(EXAMINATIONS)

    @pytest.mark.parametrize("names", ["broker,kitchen", "", ","])
    def test_unknown(self, names: str) -> None:
        """A wrong name is refused with those that there are."""
        with pytest.raises(UnknownCheck, match="installation, policy, broker"):
            choose(names)


class TestWorld:
    def test_unavailable(self) -> None:
        """A server's absence is an answer, and asked for once."""
        assert not is_there(context().broker)
        assert is_there(context(broker=object()).broker)

    def test_asked_once(self) -> None:
        """Nobody is asked before somebody wants to know, and nobody twice."""
        asked = []
        server = Once(lambda: asked.append("asked"))
        assert asked == []
        server.result()
        server.result()
        assert asked == ["asked"]

    def test_errors_reach_the_caller(self) -> None:
        """What a thread raises is raised again by the result."""
        with pytest.raises(KeyError):
            in_thread(lambda: {}["missing"]).result()


def test_every_role_has_its_topic() -> None:
    """A new role is looked at, too."""
    assert set(TOPIC_OF_ROLE) == set(ROLES)

"""Whether a role gets on: by what the broker says, with time that the test counts."""

from __future__ import annotations

import pytest

from streams.progress.states import State
from streams.progress.watched import HeldRecord, Wait
from tests.unit.streams.progress.fake_role import OTHER, PLACE, Bench


def held(offset: int, work_seconds: float = 1.0, *, is_deferred: bool = False) -> HeldRecord:
    return HeldRecord(PLACE, offset, work_seconds, is_deferred)


class TestStall:
    async def test_behind_and_delivered_nothing_is_not_ready_after_30_and_ends_after_60_seconds(self) -> None:
        """37 records wait, the role could take them, and its own beliefs say nothing of them."""
        bench = Bench()
        await bench.look(30)
        assert (bench.report.state, bench.report.problem) == ("flowing", "")
        await bench.look()
        assert bench.report.state == "stalled"
        assert bench.report.lag == 37
        assert bench.report.problem == "role intake is stalled: 37 records behind, nothing delivered for 30 s"
        await bench.look(29)
        assert bench.watch.give_up_reason == ""
        await bench.look()
        assert bench.watch.give_up_reason == "intake was delivered nothing for 60 s, and 37 records wait"

    async def test_beliefs_of_the_consumer_do_not_matter(self) -> None:
        """It believes to stand at the end of the log; nothing is in work, and nothing was committed."""
        bench = Bench()
        bench.role.positions[PLACE] = 37
        await bench.look(61)
        assert bench.watch.give_up_reason != ""

    async def test_one_delivery_restarts_the_time(self) -> None:
        """However slow, it gets on."""
        bench = Bench()
        for offset in range(5):
            await bench.look(55)
            bench.role.deliver(PLACE, offset)
            bench.say(offset + 1, 37)
            await bench.look()
            assert bench.report.stalled_seconds == 0
        assert bench.watch.give_up_reason == ""

    async def test_an_idle_role_is_left_alone(self) -> None:
        """Committed is the end."""
        bench = Bench(committed=37)
        await bench.look(1000)
        assert (bench.report.state, bench.report.lag, bench.watch.give_up_reason) == ("idle", 0, "")

    async def test_time_without_cpu_does_not_count(self) -> None:
        """A hundred looks in which its threads could run a tenth of the time are ten seconds."""
        bench = Bench()
        await bench.look(100, counted=0.1)
        assert bench.report.state == "flowing"

    async def test_limits_may_grow(self) -> None:
        """It is asked for at each look; readiness is lost as early as ever."""
        bench = Bench()
        bench.limits = type(bench.limits)(30, 120, 300, 600)
        await bench.look(100)
        assert (bench.report.state, bench.watch.give_up_reason) == ("stalled", "")
        await bench.look(21)
        assert bench.watch.give_up_reason != ""

    async def test_a_partition_without_any_commit_is_behind_from_its_start(self) -> None:
        """No committed offset is no offset 0, and no reason to be quiet."""
        bench = Bench(committed=None, end=2)
        await bench.look(61)
        assert bench.watch.give_up_reason.endswith("2 records wait")

    async def test_a_record_that_was_handed_out_and_lost_is_found(self) -> None:
        """Everything was handed out, nothing is in work, and the committed offset stays where it is."""
        bench = Bench(end=1)
        bench.role.deliver(PLACE, 0)
        await bench.look(62)
        assert bench.watch.give_up_reason != ""


class TestUnknown:
    async def test_unknown_is_no_lag_and_ends_nobody(self) -> None:
        """The broker never answers: the lag is None, not 0, and the worker stays ready."""
        bench = Bench()
        bench.is_answered = False
        await bench.look(1000)
        assert (bench.report.state, bench.report.lag, bench.report.problem) == ("unknown", None, "")
        assert bench.watch.give_up_reason == ""

    async def test_an_old_answer_counts_for_a_while_only(self) -> None:
        """Behind when it last answered: within its time, and not for ever."""
        bench = Bench()
        await bench.look(20)
        bench.is_answered = False
        await bench.look(5)
        assert bench.report.lag == 37
        await bench.look(100)
        assert (bench.report.lag, bench.watch.give_up_reason) == (None, "")

    async def test_time_restarts_when_the_broker_answers_again(self) -> None:
        """What was unknown is not held against a role."""
        bench = Bench()
        await bench.look(55)
        bench.is_answered = False
        await bench.look(100)
        bench.is_answered = True
        await bench.look(29)
        assert (bench.report.state, bench.watch.give_up_reason) == ("flowing", "")

    async def test_offsets_without_a_look_into_the_log_are_no_proof(self) -> None:
        """The log cannot be read: they may be markers, and nobody is ended for markers."""
        bench = Bench()
        bench.can_read = False
        await bench.look(1000)
        assert bench.watch.give_up_reason == ""
        bench.can_read = True
        await bench.look(3)
        assert bench.watch.give_up_reason != ""


class TestMarkers:
    async def test_markers_and_holes_at_the_end_are_not_behind(self) -> None:
        """An idle worker behind a transactional producer stays."""
        bench = Bench(committed=35)
        bench.holes = {35, 36}
        await bench.look(1000)
        assert (bench.report.stalled_seconds, bench.watch.give_up_reason) == (0, "")

    async def test_a_long_video_before_markers_ends_nobody(self) -> None:
        """It holds the committed offset; what follows are markers."""
        bench = Bench(committed=0, end=3)
        bench.holes = {1, 2}
        bench.role.deliver(PLACE, 0)
        bench.role.records = [held(0, 250)]
        await bench.look(250)
        assert (bench.report.state, bench.watch.give_up_reason) == ("working", "")

    async def test_a_record_behind_markers_is_behind(self) -> None:
        """The markers before it excuse nothing."""
        bench = Bench(committed=35, end=38)
        bench.holes = {35, 36}
        await bench.look(61)
        assert bench.watch.give_up_reason != ""


class TestNotFree:
    @pytest.mark.parametrize("wait", ["source-unavailable", "slots-taken", "paused", "live-first", "store-unavailable"])
    async def test_who_waits_for_a_named_reason_is_shown_and_stays(self, wait: Wait) -> None:
        """Ten minutes and more: a state of its own, ready, and no exit."""
        bench = Bench()
        bench.role.wait = wait
        await bench.look(900)
        assert (bench.report.state, bench.report.problem, bench.watch.give_up_reason) == (wait, "", "")

    async def test_a_role_that_paused_itself_is_not_ready_and_stays(self) -> None:
        """At the limit on dead letters it says why, however long that lasts, and is ready again once it goes on."""
        bench = Bench()
        bench.role.wait = "dead-letter-limit"
        await bench.look(900)
        assert (bench.report.state, bench.watch.give_up_reason) == ("dead-letter-limit", "")
        assert "too many dead letters" in bench.report.problem
        bench.role.wait = None
        await bench.look()
        assert bench.report.problem == ""

    @pytest.mark.parametrize("outage", ["store-unavailable", "broker-unavailable"])
    async def test_an_outage_is_named(self, outage: Wait) -> None:
        """Whatever the role believes."""
        bench = Bench()
        bench.outage = outage
        await bench.look(900)
        assert (bench.report.state, bench.watch.give_up_reason) == (outage, "")

    async def test_time_restarts_when_it_is_free_again(self) -> None:
        """What was in work may have to end first."""
        bench = Bench()
        await bench.look(55)
        bench.role.wait = "slots-taken"
        await bench.look()
        bench.role.wait = None
        await bench.look(29)
        assert bench.report.state == "flowing"

    async def test_a_source_unavailable_for_ten_minutes_with_all_slots_taken_ends_nobody(self) -> None:
        """All slots are taken by what waits for its source; each try of it is short, however old the event is."""
        bench = Bench(end=8)
        bench.role.positions[PLACE] = 8
        bench.role.wait = "source-unavailable"
        bench.role.records = [held(offset, 601, is_deferred=True) for offset in range(8)]
        await bench.look(605)
        assert (bench.report.state, bench.watch.give_up_reason) == ("source-unavailable", "")
        bench.role.wait = "slots-taken"
        bench.role.records = [held(offset, 5) for offset in range(8)]
        await bench.look(605)
        assert bench.watch.give_up_reason == ""

    async def test_videos_that_wait_outside_of_slots_end_nobody(self) -> None:
        """All that is behind is deferred, and there is nothing else."""
        bench = Bench(end=2)
        bench.role.positions[PLACE] = 2
        bench.role.records = [held(0, is_deferred=True), held(1, is_deferred=True)]
        await bench.look(3000)
        assert (bench.report.state, bench.watch.give_up_reason) == ("source-unavailable", "")


class TestWork:
    async def test_videos_that_take_five_minutes_each_end_nobody(self) -> None:
        """One after another, all handed out, three of them in work at a time, with free slots next to them."""
        bench = Bench(end=6)
        bench.role.positions[PLACE] = 6
        for first in (0, 3):
            bench.say(first, 6)
            for seconds in range(300):
                bench.role.records = [held(offset, seconds) for offset in range(first, first + 3)]
                await bench.look()
            bench.role.num_finished += 3
        assert bench.watch.give_up_reason == ""

    async def test_records_next_to_a_long_video_are_still_due(self) -> None:
        """It is in work, the role is free, and what follows it is not delivered."""
        bench = Bench(end=6)
        bench.role.deliver(PLACE, 0)
        bench.role.records = [held(0, 10)]
        await bench.look(62)
        assert bench.watch.give_up_reason.startswith("intake was delivered nothing for 60 s")

    async def test_an_event_beyond_its_limit_counts_as_before(self) -> None:
        """Nothing is finished for the patience with events, and one of them takes longer than events may."""
        bench = Bench(end=1)
        bench.role.deliver(PLACE, 0)
        bench.role.wait = "slots-taken"
        bench.role.records = [held(0, 299)]
        await bench.look(601)
        assert (bench.report.state, bench.watch.give_up_reason) == ("slots-taken", "")
        bench.role.records = [held(0, 301)]
        await bench.look()
        assert bench.report.state == "overdue"
        assert bench.watch.give_up_reason == "intake finished nothing for 600 s, and 1 record waits"

    async def test_that_needs_no_word_of_the_broker(self) -> None:
        """A hung event ends a worker on a broker that tells nothing, too."""
        bench = Bench(end=1)
        bench.is_answered = False
        bench.role.records = [held(0, 700)]
        await bench.look(601)
        assert bench.watch.give_up_reason == "intake finished nothing for 600 s, and 1 record waits"

    async def test_an_overdue_event_among_finished_ones_ends_no_worker(self) -> None:
        """Others get on."""
        bench = Bench(end=1)
        bench.role.records = [held(0, 700)]
        for _ in range(5):
            await bench.look(500)
            bench.role.num_finished += 1
        assert bench.watch.give_up_reason == ""

    async def test_a_partition_that_stands_while_another_flows(self) -> None:
        """It is given the longer patience: with a backlog a partition may wait for its turn."""
        bench = Bench()
        bench.say(0, 10_000, OTHER)
        for offset in range(590):
            bench.role.deliver(OTHER, offset)
            bench.say(offset + 1, 10_000, OTHER)
            await bench.look()
        assert bench.watch.give_up_reason == ""
        for offset in range(590, 620):
            bench.role.deliver(OTHER, offset)
            bench.say(offset + 1, 10_000, OTHER)
            await bench.look()
        assert bench.watch.give_up_reason.startswith("intake makes no progress in partition 0 of video.uploaded")


class TestPlace:
    async def test_a_role_that_never_joined(self) -> None:
        """At the start."""
        bench = Bench()
        bench.role.has_joined, bench.is_answered = False, False
        await bench.look(100)
        assert (bench.report.state, bench.watch.give_up_reason) == ("joining", "")

    async def test_assigned_by_the_broker_and_not_joined_by_its_own_account(self) -> None:
        """A rebalance that was cut off between assignment and seek: it ends, whether records wait or not."""
        bench = Bench(committed=37)
        await bench.look(5)
        bench.role.has_joined = False
        await bench.look(10)
        assert bench.report.state == "rebalancing"
        await bench.look(52)
        assert bench.watch.give_up_reason != ""

    async def test_a_role_that_its_group_does_not_know_any_more(self) -> None:
        """The broker's word against the consumer's: not ready at the next answer, and ended after the patience."""
        bench = Bench(committed=37)
        await bench.look(5)
        bench.is_member = False
        await bench.look(6)
        assert bench.report.problem == "role intake has lost its place in its group"
        await bench.look(60)
        assert bench.watch.give_up_reason != ""

    async def test_a_group_that_never_knew_us_proves_nothing(self) -> None:
        """A gateway may give clients other names."""
        bench = Bench()
        bench.is_member = False
        await bench.look(1000)
        assert (bench.report.problem, bench.watch.give_up_reason) == ("", "")

    async def test_a_rebalance_ends_nobody(self) -> None:
        """The broker tells no assignment while it lasts."""
        bench = Bench()
        await bench.look(5)
        bench.is_settled = False
        await bench.look(1000)
        assert (bench.report.state, bench.report.lag, bench.watch.give_up_reason) == ("rebalancing", None, "")

    async def test_a_member_without_partitions_is_idle(self) -> None:
        """More workers than partitions."""
        bench = Bench()
        bench.places = {}
        await bench.look(1000)
        assert (bench.report.state, bench.watch.give_up_reason) == ("idle", "")


def test_every_state_has_a_meaning() -> None:
    """What `top` may show is explained."""
    from typing import get_args

    from streams.progress.states import MEANINGS

    assert set(MEANINGS) == set(get_args(State))

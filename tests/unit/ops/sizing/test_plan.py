"""The arithmetic, by sums that fit on a napkin."""

from __future__ import annotations

import math
from itertools import pairwise

import msgspec
import pytest

from ops.sizing.plan import plan_for
from ops.sizing.profile import load_profile
from ops.sizing.quantity import InvalidProfile
from ops.sizing.report import as_json, rows
from ops.sizing.trial import try_plan, utilisation_for
from tests.sizing_profile import round_profile

PLAIN = {"peak_ratio": 1.0, "utilisation": 0.5, "light_utilisation": 0.5, "spare_workers": 0.0}
"""No peak, everything half full, nothing to spare."""
RATES = (0.01, 1.0, 100.0, 11_574.0, 1e7)


class TestWorkers:
    def test_media(self) -> None:
        """Two cores of a CPU second a video are two a second; half full, one: ten workers for ten a second."""
        plan = plan_for(round_profile(**PLAIN), 10.0)
        assert plan.workers.media_capacity_hz == 2.0
        assert plan.workers.media == plan.cells.all_media_workers == 10

    def test_the_busiest_hour_decides(self) -> None:
        """Three times the mean, three times the workers."""
        assert plan_for(round_profile(**{**PLAIN, "peak_ratio": 3.0}), 10.0).workers.media == 30

    def test_light_roles(self) -> None:
        """Rate over what a core takes, half full; summaries are facts that verdict folds, too."""
        plan = plan_for(round_profile(**PLAIN, engagement_summaries_per_video=5.0), 100.0)
        assert plan.workers.light_cores == {"intake": 2, "verdict": 8, "engagement": 2}

    def test_two_of_each_stand_in_a_cell(self) -> None:
        """One may be lost or replaced."""
        assert set(plan_for(round_profile(**PLAIN), 0.01).cells.light_workers.values()) == {2}


class TestCells:
    def test_no_group_is_larger_than_a_rebalance_bears(self) -> None:
        """Sixty-four workers, spares among them."""
        profile = round_profile(**{**PLAIN, "spare_workers": 4.0}, redis_cell_bytes=2**44)
        cells = plan_for(profile, 120.0).cells
        assert (cells.number, cells.bound_by, cells.media_workers) == (2, "media workers", 64)

    def test_memory_bounds_them(self) -> None:
        """Seven kinds of a kilobyte for a day, and claims for a week, in cells of a gigabyte."""
        profile = round_profile(
            **PLAIN, redis_kept_days=1, redis_claims_days=7, redis_cell_bytes=2e9, redis_fill_ratio=0.5,
            engagement_events_per_video=0,
        )  # fmt: skip
        plan = plan_for(profile, 1.0)
        assert plan.memory.total_bytes == 86_400 * 14_000
        assert (plan.cells.number, plan.cells.bound_by) == (2, "Redis memory")

    def test_partitions_leave_room(self) -> None:
        """As many as the largest group has workers, and as many again; never fewer than eight."""
        profile = round_profile(**PLAIN, partitions_per_worker=2.0, redis_cell_bytes=2**44)
        assert plan_for(profile, 10.0).cells.partitions == 20
        assert plan_for(profile, 0.01).cells.partitions == 8

    def test_spares_must_leave_a_worker(self) -> None:
        """Otherwise no number of cells would do."""
        with pytest.raises(InvalidProfile, match="the first must be smaller"):
            plan_for(round_profile(spare_workers=8.0, workers_per_cell=8.0), 1.0)


class TestLog:
    profile = round_profile(
        **PLAIN, engagement_events_per_video=0, engagement_summaries_per_video=0, copies=3, outcome_readers=2
    )

    def test_bandwidth(self) -> None:
        """24.5 kB a video in; two copies of it; uploads read twice, facts once, outcomes by two groups."""
        log = plan_for(self.profile, 10.0).log
        assert log.written == 245_000
        assert log.copied == 490_000
        assert log.read == 10 * (2 * 500 + 10_000 + 2 * 14_000)

    def test_disk(self) -> None:
        """Seven days of uploads, fourteen of facts, last outcomes of thirty days and half, and a day's others."""
        expected = 86_400 * (7 * 500 + 14 * 10_000 + 30 * 10_000 * 1.5 + 14_000) * 3
        assert plan_for(self.profile, 1.0).log.disk_bytes == pytest.approx(expected)

    def test_summaries_make_outcomes(self) -> None:
        """A summary is a fact, and both outcomes are said again."""
        more = self.profile.with_options({"engagement_summaries_per_video": 1.0})
        assert plan_for(more, 1.0).log.written - plan_for(self.profile, 1.0).log.written == 900 + 10_000

    def test_never_fewer_brokers_than_copies(self) -> None:
        """Copies of a partition lie on different ones."""
        assert (plan_for(self.profile, 0.01).log.brokers, plan_for(self.profile, 0.01).log.bound_by) == (3, "copies")


class TestAccelerators:
    def test_what_is_full_first_decides(self) -> None:
        """0.6 CPU s next to the models on 16 cores bind before 0.01 s on the device."""
        found = plan_for(round_profile(**PLAIN), 100.0).accelerators
        assert found.seconds_per_video == pytest.approx(0.01)
        assert (found.bound_by, found.number, found.is_modelled) == (
            "host cores",
            math.ceil(100 * 0.6 / 16 / 0.5),
            True,
        )
        slow = plan_for(round_profile(**PLAIN, accelerator_speed_ratio=2.0), 100.0).accelerators
        assert (slow.bound_by, slow.number) == ("accelerator", 40)

    def test_only_a_measured_one_is_not_modelled(self) -> None:
        """A profile of a machine with one reports it."""
        profile = round_profile()
        measured = msgspec.structs.replace(profile.figures["accelerator_speed_ratio"], origin="measured", source="x")
        found = msgspec.structs.replace(profile, figures={**profile.figures, "accelerator_speed_ratio": measured})
        assert not plan_for(found, 1.0).accelerators.is_modelled


class TestBill:
    def test_media_cores_stand_all_day(self) -> None:
        """Ten workers of two cores."""
        profile = round_profile(**PLAIN, usd_per_core_hour=0.1)
        assert plan_for(profile, 10.0).bill.usd_per_day["media cores"] == pytest.approx(20 * 24 * 0.1)

    def test_idle_cores_take_power_too(self) -> None:
        """Half busy at 10 W, half idle at 4 W, in a building that takes a fifth more."""
        profile = round_profile(**PLAIN, watts_per_core=10.0, idle_watts_ratio=0.4, building_ratio=1.2)
        expected = 86_400 * (10 * 10 + 10 * 4) * 1.2
        assert plan_for(profile, 10.0).bill.joules_per_day["media cores"] == pytest.approx(expected)

    def test_shares_add_up(self) -> None:
        """The total is the sum of what is told."""
        bill = plan_for(round_profile(), 10.0).bill
        assert bill.total_usd == math.fsum(bill.usd_per_day.values())
        assert bill.total_joules == math.fsum(bill.joules_per_day.values())


class TestRates:
    def test_sane_from_a_hobby_to_beyond_the_yardstick(self) -> None:
        """Finite, positive, and never less for more."""
        plans = [plan_for(load_profile(None), rate) for rate in RATES]
        for plan in plans:
            amounts = (*plan.bill.usd_per_day.values(), *plan.bill.joules_per_day.values(), plan.log.disk_bytes)
            assert all(math.isfinite(each) and each > 0 for each in amounts)
        for less, more in pairwise(plans):
            assert more.bill.total_usd > less.bill.total_usd
            assert more.cells.all_media_workers >= less.cells.all_media_workers
            assert more.log.brokers >= less.log.brokers

    def test_large_fleets_are_proportional(self) -> None:
        """Ten times the uploads, ten times the money, but for rounding up."""
        small, large = (plan_for(load_profile(None), rate) for rate in (10_000.0, 100_000.0))
        assert large.bill.total_usd == pytest.approx(10 * small.bill.total_usd, rel=0.02)

    @pytest.mark.parametrize("rate", [0.0, -1.0, math.nan, math.inf, 1.1e7, 1e-9])
    def test_what_cannot_be_sized_is_refused(self, rate: float) -> None:
        """The message quotes it and says what is allowed."""
        with pytest.raises(InvalidProfile, match=r"the rate is .*; allowed: 0\.0001 to 1e\+07"):
            plan_for(round_profile(), rate)


class TestTrial:
    def test_p99_is_that_of_the_recommended_cell(self) -> None:
        """All of a cell's workers in its busiest hour, one of them lost."""
        profile = round_profile()
        plan = plan_for(profile, 2.0)
        trial = try_plan(profile, plan.cells)
        assert (trial.num_workers, trial.videos_per_second) == (plan.cells.media_workers, 3.0)
        assert trial.num_lost >= 1
        assert trial.p50_seconds < trial.p95_seconds < trial.p99_seconds < 60.0

    def test_a_wished_p99_fills_workers_as_far_as_it_allows(self) -> None:
        """The highest utilisation that was tried and keeps it; none does below the time of a single video."""
        profile = round_profile(redis_cell_bytes=2**44)
        patient, hasty = (utilisation_for(profile, 2.0, wish)["utilisation"] for wish in (60.0, 5.0))
        assert hasty < patient == 0.9
        with pytest.raises(InvalidProfile, match="out of reach"):
            utilisation_for(profile, 0.5, 0.1)


def test_every_row_says_why() -> None:
    """And scripts get the same numbers with all figures."""
    profile = round_profile()
    plan = plan_for(profile, 100.0)
    assert all(what and how_much and why for what, how_much, why in rows(plan, profile, None))
    said = msgspec.json.decode(msgspec.json.encode(as_json(plan, profile, None)))
    assert said["plan"]["cells"]["number"] == plan.cells.number
    assert said["profile"]["figures"].keys() == profile.figures.keys()

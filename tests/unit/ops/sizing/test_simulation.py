"""The simulated cell: nothing is lost with a worker, rebalances cost time, lag makes workers."""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean

import pytest

from ops.bench.arrivals import Arrivals
from ops.sizing.plan import plan_for
from ops.sizing.scaling import ByLag, Fixed
from ops.sizing.shared_worker import SharedWorker, Video, WorkerModel
from ops.sizing.simulation import CellModel, Simulated, Troubles, simulate
from ops.sizing.trial import TELLING_WORKERS, telling_cell
from ops.sizing.workers import media_capacity_hz
from tests.sizing_profile import round_profile

MODEL = WorkerModel(slots=8, cores=2.0, most_cores_per_video=1.0)
CELL = CellModel(worker=MODEL, num_workers=4, partitions=8, arrivals=Arrivals(4.0), work_cpu_seconds=[0.5, 1.0, 1.5])
HORIZON_SECONDS = 1_000.0


def run(cell: CellModel = CELL, number: int = 4, seed: int = 5) -> Simulated:
    return simulate(cell, Fixed(number), HORIZON_SECONDS, seed)


class TestSimulate:
    def test_same_seed_same_result(self) -> None:
        """Plans can be compared, and a document can quote them."""
        assert run() == run()
        assert run() != run(seed=6)

    def test_every_upload_gets_its_verdict(self) -> None:
        """Also those that a lost worker had in work or in its partitions."""
        lossy = replace(CELL, troubles=Troubles(loss_hz=1 / 100, detection_seconds=12.0))
        calm, hurt = run(), run(lossy)
        assert hurt.num_lost > 3
        assert len(hurt.latencies_seconds) == len(calm.latencies_seconds) > 3_000

    def test_a_loss_costs_the_tail(self) -> None:
        """Partitions of a lost worker stand still until the group knows."""
        lossy = replace(CELL, troubles=Troubles(first_loss_seconds=500.0, detection_seconds=30.0))
        found = run(lossy)
        assert found.num_lost == 1
        assert found.latencies_seconds[-1] > 28.0 > run().latencies_seconds[-1]

    def test_rebalances_hold_all_up(self) -> None:
        """Eager ones: nobody takes anything meanwhile."""
        quick, slow = (Troubles(loss_hz=1 / 60, rebalance_seconds=each) for each in (0.0, 10.0))
        delayed, calm = (fmean(run(replace(CELL, troubles=each)).latencies_seconds) for each in (slow, quick))
        assert delayed > calm + 1.0

    def test_more_workers_cost_more_and_wait_less(self) -> None:
        """What the plot shows."""
        few, many = run(replace(CELL, num_workers=3), 3), run(replace(CELL, num_workers=8), 8)
        assert many.quantile_seconds(0.99) < few.quantile_seconds(0.99)
        assert many.paid_worker_seconds == 8 * HORIZON_SECONDS > few.paid_worker_seconds == 3 * HORIZON_SECONDS

    def test_time_without_work_is_added(self) -> None:
        """Hops and folds."""
        later = run(replace(CELL, beside_seconds=2.0))
        assert later.quantile_seconds(0.5) == pytest.approx(run().quantile_seconds(0.5) + 2.0)

    def test_lag_makes_workers(self) -> None:
        """One worker has half of what the uploads need; the fleet grows and keeps up."""
        cell = replace(CELL, num_workers=1, troubles=Troubles(start_seconds=30.0))
        found = simulate(cell, ByLag(8.0, least=1, most=8), HORIZON_SECONDS, seed=5)
        assert 1 < found.most_workers <= 8
        assert found.quantile_seconds(0.99) < simulate(cell, Fixed(1), HORIZON_SECONDS, 5).quantile_seconds(0.5)

    def test_idle_workers_go(self) -> None:
        """After ten quiet minutes, a quarter in five."""
        cell = replace(CELL, num_workers=8, arrivals=Arrivals(0.5))
        found = simulate(cell, ByLag(8.0, least=2, most=8), 4_000.0, seed=5)
        assert 2 * 4_000.0 < found.paid_worker_seconds < 0.6 * 8 * 4_000.0

    @pytest.mark.parametrize(
        ("number", "share", "rank"),
        [(100, 0.99, 99), (100, 0.5, 50), (101, 0.99, 100), (10, 0.07, 1), (1, 0.99, 1), (7, 1.0, 7), (100, 0.0, 1)],
    )
    def test_quantiles_are_of_the_nearest_rank(self, number: int, share: float, rank: int) -> None:
        """The smallest latency that at least this share did not exceed: the 99th of 100, not the largest."""
        found = Simulated([float(n) for n in range(1, number + 1)], 0, 0.0, 0.0, 1)
        assert found.quantile_seconds(share) == rank

    def test_nothing_counted_has_no_quantile(self) -> None:
        """Rather than a zero that looks like a result."""
        assert str(Simulated([], 0, 0.0, 0.0, 1).quantile_seconds(0.99)) == "nan"


class TestSharedWorker:
    def worker(self, model: WorkerModel, *work: float) -> SharedWorker:
        worker = SharedWorker(model)
        worker.waiting.extend(Video(0.0, 0, each) for each in work)
        worker.start_waiting(0.0)
        return worker

    def test_videos_share_the_cores(self) -> None:
        """Four on two cores get half a core each."""
        assert self.worker(MODEL, 1.0, 2.0, 3.0, 4.0).next_end_seconds() == 2.0

    def test_one_alone_does_not_get_all_cores(self) -> None:
        """Its decode is one thread."""
        assert self.worker(MODEL, 3.0).next_end_seconds() == 3.0

    def test_one_alone_costs_more(self) -> None:
        """Its batches are not full; with more videos next to it the difference goes."""
        dear = replace(MODEL, alone_ratio=1.5)
        assert self.worker(dear, 3.0).next_end_seconds() == pytest.approx(4.5)
        assert dear.speed(8) == pytest.approx(MODEL.speed(8) / 1.0625)

    def test_slots_bound_what_is_in_work(self) -> None:
        """The rest waits."""
        worker = self.worker(replace(MODEL, slots=2), 1.0, 1.0, 1.0)
        assert (worker.num_running, len(worker.waiting)) == (2, 1)

    def test_what_is_lost_is_given_back_whole(self) -> None:
        """Work that was half done begins again."""
        worker = self.worker(replace(MODEL, slots=2), 1.0, 2.0, 3.0)
        assert sorted(video.work_cpu_seconds for video in worker.give_back(0.5)) == [1.0, 2.0, 3.0]
        assert worker.next_end_seconds() is None


class TestByLag:
    def test_up_at_most_twofold_a_minute(self) -> None:
        """As `scaleUp` in the manifest."""
        scaling = ByLag(10.0, least=1, most=32)
        assert scaling.wanted(0.0, lag=1_000, num_workers=4) == 8
        assert scaling.wanted(15.0, lag=1_000, num_workers=8) == 8
        assert scaling.wanted(75.0, lag=1_000, num_workers=8) == 16

    def test_down_only_after_quiet(self) -> None:
        """As `stabilizationWindowSeconds`; then a quarter in five minutes."""
        scaling = ByLag(10.0, least=2, most=32)
        assert scaling.wanted(0.0, lag=160, num_workers=16) == 16
        assert scaling.wanted(590.0, lag=0, num_workers=16) == 16
        assert scaling.wanted(610.0, lag=0, num_workers=16) == 12
        assert scaling.wanted(625.0, lag=0, num_workers=12) == 12

    @pytest.mark.parametrize(("lag", "expected"), [(0, 2), (10**6, 8)])
    def test_bounds(self, lag: int, expected: int) -> None:
        """Never none, never more than partitions."""
        assert ByLag(10.0, least=2, most=8).wanted(0.0, lag, num_workers=expected) == expected


class TestTellingCell:
    def test_a_small_cell_gives_way_to_one_that_tells_policies_apart(self) -> None:
        """Redis may ask for cells of two workers each, where every policy is the same fleet."""
        profile = round_profile()
        small = plan_for(profile, 0.01).cells
        assert small.media_workers < TELLING_WORKERS
        tried = telling_cell(profile, small)
        assert tried.media_workers == TELLING_WORKERS <= tried.partitions
        busiest_hz = tried.videos_per_second * profile["peak_ratio"]
        assert busiest_hz / (TELLING_WORKERS * media_capacity_hz(profile)) == pytest.approx(profile["utilisation"])
        assert telling_cell(profile, tried) is tried

"""Formulas of queueing, by values from textbooks, and the simulation, by the formulas."""

from __future__ import annotations

import math
import random
from statistics import fmean

import pytest

from ops.bench.arrivals import Arrivals
from ops.sizing.scaling import Fixed
from ops.sizing.shared_worker import WorkerModel
from ops.sizing.simulation import CellModel, Simulated, simulate
from tests.support.queueing import (
    erlang_c,
    mean_wait_seconds,
    pollaczek_khinchine_seconds,
    shared_seconds,
    wait_quantile_seconds,
)

SEED = 3


def exponential() -> list[float]:
    """Many draws of mean 1 at equal chances: quantiles of the distribution."""
    draws = [-math.log(1 - (place + 0.5) / 20_000) for place in range(20_000)]
    mean = math.fsum(draws) / len(draws)
    return [draw / mean for draw in draws]


def queue(servers: int, arrival_hz: float, work: list[float], *, slots: int | None = None) -> Simulated:
    """One worker whose videos keep one core busy each: M/G/c."""
    model = WorkerModel(slots=slots or servers, cores=servers, most_cores_per_video=1.0)
    cell = CellModel(model, num_workers=1, partitions=1, arrivals=Arrivals(arrival_hz), work_cpu_seconds=work)
    return simulate(cell, Fixed(1), horizon_seconds=20_000 / arrival_hz, seed=SEED)


class TestFormulas:
    def test_one_server_waits_as_often_as_it_is_busy(self) -> None:
        """M/M/1."""
        assert erlang_c(1, 0.7) == pytest.approx(0.7)
        assert mean_wait_seconds(1, 0.7, 1.0) == pytest.approx(0.7 / 0.3)

    def test_erlang_c_of_textbooks(self) -> None:
        """Two servers at 0.75 each; ten calls' worth on 14 agents is the usual example of call centres."""
        assert erlang_c(2, 1.5) == pytest.approx(0.642857, abs=1e-6)
        assert erlang_c(14, 10.0) == pytest.approx(0.174132, abs=1e-5)

    def test_many_servers_do_not_overflow(self) -> None:
        """A thousand cores."""
        assert 0 < erlang_c(1_000, 950.0) < 1

    def test_quantile_is_zero_where_fewer_wait(self) -> None:
        """The median of a queue that is seldom there."""
        assert wait_quantile_seconds(0.5, 14, 10.0, 1.0) == 0.0
        assert wait_quantile_seconds(0.99, 14, 10.0, 1.0) == pytest.approx(math.log(17.4132) / 4, abs=1e-3)

    def test_pollaczek_khinchine(self) -> None:
        """Constant service waits half as long as exponential."""
        assert pollaczek_khinchine_seconds(0.7, 1.0, 0.0) == pytest.approx(0.5 * mean_wait_seconds(1, 0.7, 1.0))

    @pytest.mark.parametrize("utilisation", [1.0, 1.5, math.nan])
    def test_a_queue_without_end_is_refused(self, utilisation: float) -> None:
        """There is no mean wait."""
        with pytest.raises(ValueError, match="without end"):
            erlang_c(1, utilisation)


def mean_seconds(found: Simulated) -> float:
    """Mean latency."""
    return fmean(found.latencies_seconds)


class TestSimulationAgrees:
    """Each within what 18,000 correlated videos allow."""

    @pytest.mark.parametrize(("servers", "arrival_hz"), [(1, 0.6), (4, 3.2), (16, 13.0)])
    def test_with_erlang_c(self, servers: int, arrival_hz: float) -> None:
        """M/M/c: mean, and the share of the time that servers work."""
        found = queue(servers, arrival_hz, exponential())
        assert mean_seconds(found) == pytest.approx(1 + mean_wait_seconds(servers, arrival_hz, 1.0), rel=0.08)
        assert found.busy_ratio == pytest.approx(arrival_hz / servers, rel=0.03)

    def test_with_pollaczek_khinchine(self) -> None:
        """M/D/1."""
        assert mean_seconds(queue(1, 0.7, [1.0])) == pytest.approx(1 + pollaczek_khinchine_seconds(0.7, 1, 0), rel=0.08)

    def test_with_processor_sharing(self) -> None:
        """Slots without end on one core: the mean is that of any service of the same mean (M/G/1-PS)."""
        uneven = [0.5] * 9 + [5.5]
        assert mean_seconds(queue(1, 0.6, uneven, slots=10**6)) == pytest.approx(shared_seconds(0.6, 1.0), rel=0.08)


class TestArrivals:
    def test_bursts_keep_the_mean_and_spread_the_counts(self) -> None:
        """Counts in windows vary more than Poisson's, whose variance is their mean."""

        def counts(arrivals: Arrivals) -> list[int]:
            found = [0] * 1_000
            for at in arrivals.times(random.Random(SEED), 20_000.0):
                found[int(at // 20)] += 1
            return found

        def dispersion(found: list[int]) -> float:
            mean = sum(found) / len(found)
            return sum((each - mean) ** 2 for each in found) / len(found) / mean

        plain, bursty = counts(Arrivals(2.0)), counts(Arrivals(2.0, 3.0, 60.0, 0.2))
        assert sum(plain) / 20_000 == pytest.approx(2.0, rel=0.03)
        assert sum(bursty) / 20_000 == pytest.approx(2.0, rel=0.1)
        assert dispersion(plain) == pytest.approx(1.0, abs=0.15)
        assert dispersion(bursty) > 2.0

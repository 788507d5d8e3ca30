"""Rates between two recorded pages, each computed by hand."""

from __future__ import annotations

from math import inf

import pytest

from ops.local.metrics_page import parse_metrics
from ops.top.history import History
from ops.top.rates import rates
from ops.top.scrape import Scrape


def page(at_seconds: float, text: str, *, address: str = "a:1", started: float = 1000.0) -> Scrape:
    return Scrape(address, at_seconds, parse_metrics(f"process_start_time_seconds {started}\n{text}\n"))


def down(at_seconds: float, address: str = "a:1") -> Scrape:
    return Scrape(address, at_seconds, None, problem="connection refused")


class TestCounters:
    def test_rate(self) -> None:
        """30 more in 10 seconds are 3 a second; a series that appeared began with 0."""
        moved = rates([(page(0, 'x_total{a="1"} 70'), page(10, 'x_total{a="1"} 100\nx_total{a="2"} 20'))])
        assert moved.rate("x_total", a="1") == 3.0
        assert moved.rate("x_total") == 5.0
        assert moved.increase("x_total") == 50.0

    def test_workers_add_up(self) -> None:
        """Each worker counts by its own time: 10 in 10 s and 10 in 5 s are 3 a second."""
        first = (page(0, "x_total 0"), page(10, "x_total 10"))
        second = (page(0, "x_total 5", address="b:1"), page(5, "x_total 15", address="b:1"))
        assert rates([first, second]).rate("x_total") == 3.0

    def test_fallen_counter_was_reset(self) -> None:
        """70, then 6: six since the restart, and no negative rate."""
        assert rates([(page(0, "x_total 70"), page(2, "x_total 6"))]).rate("x_total") == 3.0

    def test_restart_that_passed_the_old_value(self) -> None:
        """A process that began again counts from 0 although its counter is higher than the old one's."""
        before, after = page(0, "x_total 10", started=1000), page(5, "x_total 25", started=2000)
        assert rates([(before, after)]).rate("x_total") == 5.0

    def test_worker_that_is_down(self) -> None:
        """Who did not answer twice moves nothing, whichever answer is missing."""
        pairs = [(page(0, "x_total 1"), down(5)), (down(0, "b:1"), page(5, "x_total 9", address="b:1"))]
        assert rates(pairs).rate("x_total") == 0.0

    def test_one_scrape_only(self) -> None:
        """Between a scrape and itself nothing moves."""
        same = page(3, "x_total 5")
        assert rates([(same, same)]).rates == {}

    def test_gauges_do_not_move(self) -> None:
        """What may fall is no counter."""
        assert rates([(page(0, "lag 10"), page(1, "lag 4"))]).rates == {}


class TestHistograms:
    BEFORE = 's_bucket{le="1"} 5\ns_bucket{le="2"} 5\ns_bucket{le="4"} 5\ns_bucket{le="+Inf"} 5\ns_count 5\ns_sum 2'
    AFTER = 's_bucket{le="1"} 9\ns_bucket{le="2"} 11\ns_bucket{le="4"} 15\ns_bucket{le="+Inf"} 15\ns_count 15\ns_sum 22'

    def test_quantiles(self) -> None:
        """Ten new: 4 up to 1, 2 up to 2, 4 up to 4. The fifth is halfway through the second bucket."""
        moved = rates([(page(0, self.BEFORE), page(10, self.AFTER))])
        assert moved.quantile("s", 0.5) == pytest.approx(1.5)
        assert moved.quantile("s", 0.2) == pytest.approx(0.5)
        assert moved.quantile("s", 0.9) == pytest.approx(3.5)
        assert moved.mean("s") == 2.0

    def test_nothing_observed(self) -> None:
        """Old observations say nothing of now."""
        moved = rates([(page(0, self.BEFORE), page(10, self.BEFORE))])
        assert moved.quantile("s", 0.5) is None
        assert moved.mean("s") is None

    def test_beyond_the_last_bound(self) -> None:
        """What is larger than every bound is told as the last one."""
        after = self.BEFORE.replace('le="+Inf"} 5', 'le="+Inf"} 9').replace("s_count 5", "s_count 9")
        assert rates([(page(0, self.BEFORE), page(10, after))]).quantile("s", 0.5) == 4.0
        assert float("+Inf") == inf

    def test_workers_add_up(self) -> None:
        """One observation up to 1 here, three up to 2 there: the second of four is a third into the second bucket."""
        none = 's_bucket{le="1"} 0\ns_bucket{le="2"} 0\ns_bucket{le="+Inf"} 0'
        one = 's_bucket{le="1"} 1\ns_bucket{le="2"} 1\ns_bucket{le="+Inf"} 1'
        three = 's_bucket{le="1"} 0\ns_bucket{le="2"} 3\ns_bucket{le="+Inf"} 3'
        first = (page(0, none), page(1, one))
        second = (page(0, none, address="b:1"), page(1, three, address="b:1"))
        assert rates([first, second]).quantile("s", 0.5) == pytest.approx(4 / 3)


class TestHistory:
    def test_window(self) -> None:
        """The first of a pair is the oldest scrape of the last 30 seconds."""
        history = History(30)
        for at_seconds in (0, 10, 20, 30):
            history.add([page(at_seconds, "x_total 1")])
        ((before, after),) = history.add([page(40, "x_total 1")])
        assert (before.at_seconds, after.at_seconds) == (10, 40)

    def test_first(self) -> None:
        """A first scrape is compared with itself."""
        ((before, after),) = History(30).add([page(5, "x_total 1")])
        assert before is after

    def test_worker_that_was_down(self) -> None:
        """A scrape without a page is shown, and never what a later one is compared with."""
        history = History(30)
        ((before, after),) = history.add([down(0)])
        assert before is after
        history.add([page(5, "x_total 1")])
        ((before, after),) = history.add([page(10, "x_total 6")])
        assert rates([(before, after)]).rate("x_total") == 1.0

    def test_pauses_longer_than_the_window(self) -> None:
        """With two scrapes further apart than the window, there is still something to compare with."""
        history = History(1)
        history.add([page(0, "x_total 0")])
        ((before, after),) = history.add([page(10, "x_total 10")])
        assert rates([(before, after)]).rate("x_total") == 1.0

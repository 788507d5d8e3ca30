"""The load that `bench inference` puts on competitors, and the turns that they take."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ops.bench.inference.benched_model import BRIEF_MODEL, BenchedModel, items_of, padded
from ops.bench.inference.figures import half_load_figures, padding_figure, saturated_figures
from ops.bench.inference.load import at_a_rate, one_at_a_time, poisson_arrivals, saturate
from ops.bench.inference.report import InferenceReport
from ops.bench.inference.turns import half_load_per_second, in_turns, percentile
from ops.bench.turn_process import CompetitorFailed

ITEMS = [np.full(2, value, dtype=np.float32) for value in range(3)]


@dataclass
class Asked:
    """Answers at once, and knows how many asked at the same time."""

    values: list[float] = field(default_factory=list)
    now: int = 0
    most: int = 0

    async def __call__(self, item: np.ndarray) -> None:
        self.values.append(float(item[0]))
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.now -= 1


class Turning:
    """Counts its turns; fails in one of them."""

    def __init__(self, name: str, fails_in: int | None = None) -> None:
        self.name = name
        self.fails_in = fails_in
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True

    def measure(self, number: int) -> dict[str, Any]:
        if number == self.fails_in:
            raise CompetitorFailed("gone")
        return {"number": number}


def turns(*competitors: Turning) -> tuple[dict[str, list[dict[str, Any]]], list[str], list[str]]:
    """Three rounds that count; also the order of turns, and what was said."""
    order: list[str] = []
    said: list[str] = []

    def measure(competitor: Any, number: int) -> dict[str, Any]:
        order.append(competitor.name)
        return competitor.measure(number)  # type: ignore[no-any-return]

    running: Any = {competitor.name: competitor for competitor in competitors}
    names = tuple(competitor.name for competitor in competitors)
    return in_turns(running, names, 3, measure, said.append), order, said


def run(items: int, wall_seconds: float = 1.0, **more: Any) -> dict[str, Any]:
    return {
        "items": items,
        "late_items": 0,
        "wall_seconds": wall_seconds,
        "total_seconds": wall_seconds,
        "ready_seconds": 0.0,
        "cpu_seconds": 0.5,
        **more,
    }


class TestLoad:
    async def test_saturates_with_all_callers(self) -> None:
        """Each caller has one item in flight, and all answers are counted, in time or late."""
        ask = Asked()
        found = await saturate(ask, ITEMS, callers=5, seconds=0.05)
        assert ask.most == 5
        assert found.items + found.late_items == len(ask.values)
        assert 0 < found.wall_seconds <= found.total_seconds

    async def test_one_at_a_time(self) -> None:
        """The next item waits for the answer to the one before."""
        ask = Asked()
        latencies = await one_at_a_time(ask, ITEMS, 7)
        assert (ask.most, len(latencies), ask.values) == (1, 7, [0, 1, 2, 0, 1, 2, 0])

    async def test_a_rate_does_not_wait_for_answers(self) -> None:
        """A competitor that answers only after the last arrival has had every item in flight."""
        arrived, in_flight = asyncio.Event(), 0

        async def ask(_item: np.ndarray) -> None:
            nonlocal in_flight
            in_flight += 1
            if in_flight == 4:
                arrived.set()
            await arrived.wait()

        latencies = await asyncio.wait_for(at_a_rate(ask, ITEMS, iter([0.0, 0.001, 0.002, 0.003])), 60)
        assert len(latencies) == 4
        assert latencies[0] > latencies[-1]

    def test_arrivals_repeat_and_end(self) -> None:
        """The same seed gives every competitor the same arrivals, at about the rate."""
        arrivals = list(poisson_arrivals(100, 50.0, seed=3))
        assert arrivals == list(poisson_arrivals(100, 50.0, seed=3)) == sorted(arrivals)
        assert arrivals[-1] < 50.0
        assert len(arrivals) == pytest.approx(5000, rel=0.1)
        assert list(islice(poisson_arrivals(100, 50.0, seed=4), 5)) != arrivals[:5]


class TestTurns:
    def test_the_first_round_is_dropped_and_nobody_is_always_first(self) -> None:
        """Three rounds count, and each begins with another competitor."""
        measured, order, _ = turns(Turning("a"), Turning("b"))
        assert {name: [run["number"] for run in runs] for name, runs in measured.items()} == {
            "a": [1, 2, 3],
            "b": [1, 2, 3],
        }
        assert order == ["a", "b", "b", "a", "a", "b", "b", "a"]

    def test_one_that_fails_is_left_out_and_ended(self) -> None:
        """The others go on, and its figures are not half a figure."""
        failing = Turning("b", fails_in=2)
        measured, _, said = turns(Turning("a"), failing)
        assert (list(measured), failing.is_closed, len(said)) == (["a"], True, 1)

    def test_percentile_of_few(self) -> None:
        """Of ten latencies the highest is the 99th percentile."""
        assert percentile({"latencies_seconds": [0.001 * value for value in range(1, 11)]}, 0.99) == pytest.approx(10)

    def test_half_load_is_what_the_slowest_bears(self) -> None:
        """Half of its median throughput."""
        assert half_load_per_second({"fast": [run(100)], "slow": [run(10), run(30), run(20)]}) == 10


class TestFigures:
    def test_a_slower_batcher_misses_its_bounds(self) -> None:
        """Against the bare loop, a server, and with the brief model against twice a server."""
        runs = {"vidsignal": [run(90)], "bare loop": [run(100)], "litserve": [run(60)]}
        assert self.held(saturated_figures("some-model", runs)) == {"bare loop": False, "litserve": True, "own": False}
        assert self.held(saturated_figures(BRIEF_MODEL, runs)) == {"bare loop": False, "litserve": False, "own": False}

    def held(self, figures: list[Any]) -> dict[str, bool]:
        found = {figure.name.split(" over ")[1]: figure.holds for figure in figures if figure.bound is not None}
        return {name.replace("bare loop, without waits for a core", "own"): holds for name, holds in found.items()}

    def test_time_in_which_others_had_the_cores_is_told_apart(self) -> None:
        """Half of the time on no core: as fast as the bare loop when it runs, and half as fast by the wall clock."""
        runs = {"vidsignal": [run(50, ready_seconds=0.5)], "bare loop": [run(100)]}
        assert self.held(saturated_figures("some-model", runs)) == {"bare loop": False, "own": True}

    def test_a_higher_percentile_misses_its_bound(self) -> None:
        """At half load, against each server."""
        runs = {"vidsignal": [{"latencies_seconds": [0.02]}], "pytriton": [{"latencies_seconds": [0.01]}]}
        assert [figure.holds for figure in half_load_figures("m", runs) if figure.bound] == [False]

    def test_padding_is_what_was_added_between_the_runs(self) -> None:
        """Counts are running totals: three padded rows of thirty, the first run left out."""
        runs = [{"padded_rows": 5, "items_run": 5}, {"padded_rows": 8, "items_run": 32}]
        assert padding_figure("m", "half load", runs).value == pytest.approx(0.1)


class TestBenchedModel:
    @pytest.mark.parametrize("model", ["all-minilm-l6-v2", "efficientnet-lite0", "yamnet", BRIEF_MODEL])
    def test_items_fit_the_card(self, model: str) -> None:
        """Shape and dtype, and texts with zeros behind."""
        card = BenchedModel(model).card
        items = items_of(card)
        assert {(item.shape, item.dtype.name) for item in items} == {(card.input_shape, card.input_dtype)}
        assert card.input_dtype != "int64" or all(item[-1] == 0 and item[0] > 0 for item in items)

    def test_travels_to_another_process(self) -> None:
        """As JSON and back."""
        benched = BenchedModel(BRIEF_MODEL, 7, (1, 4))
        assert BenchedModel.from_json(benched.as_json()) == benched

    def test_pads_to_a_permitted_size(self) -> None:
        """Three rows in four, the last one zeros."""
        card = BenchedModel(BRIEF_MODEL).card
        batch = padded([np.ones(card.input_shape, dtype=np.float32)] * 3, (1, 4, 8), card)
        assert batch.shape == (4, *card.input_shape)
        assert batch.sum(axis=1).tolist() == [256, 256, 256, 0]


class TestReport:
    def test_the_plot_is_a_picture(self, tmp_path: Path) -> None:
        """One row for each figure that has to reach a bound."""
        runs = {"vidsignal": [run(90), run(95)], "bare loop": [run(100), run(90)]}
        report = InferenceReport("inference", {}, tuple(saturated_figures("some-model", runs)))
        report.draw(tmp_path / "plot.svg")
        drawn = (tmp_path / "plot.svg").read_text(encoding="utf-8")
        assert drawn.count("some-model, throughput over bare loop") == 2
        assert "processor" not in drawn

"""The report of `bench load`: its price, its JSON object and its plot."""

from __future__ import annotations

import json
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest

from ops.bench.load.expense import IDLE_WATTS_RATIO, MachinePrice
from ops.bench.load.report import LoadReport
from ops.bench.load.step_figures import StepFigures
from ops.bench.report import BenchReport, Figure
from ops.plots import NoPlots
from streams.config.settings import read_settings

STEP = StepFigures(1.0, 0.98, 0.8, 2.5, 0.4, 42_000.0, 0.08, True, 120, 2, 0.001, False)
FULL = replace(
    STEP, offered_videos_per_second=4.0, p99_seconds=inf, utilisation_ratio=0.98, backlog=90, is_saturated=True
)
REPORT = LoadReport("load", {}, (Figure("delay", inf, "s"),), steps=(STEP, FULL))


class TestMachinePrice:
    def test_an_idle_machine_is_paid_for(self) -> None:
        """By the hour; an idle core takes less power than a busy one."""
        price = MachinePrice.from_settings(
            read_settings(usd_per_cpu_hour=0.5, watts_per_cpu_core=10.0, usd_per_device_hour=9.0), 2,
            has_accelerator=False,
        )  # fmt: skip
        assert price.usd(3_600.0) == pytest.approx(1.0)
        assert price.joules(100.0, 0.0) == pytest.approx(2 * 100.0 * 10.0 * IDLE_WATTS_RATIO)
        assert price.joules(100.0, 200.0) == pytest.approx(2 * 100.0 * 10.0)
        assert price.joules(100.0, 500.0) == price.joules(100.0, 200.0)

    def test_an_accelerator_costs_as_well(self) -> None:
        """Whether it computes or not."""
        settings = read_settings(usd_per_cpu_hour=0.5, usd_per_device_hour=9.0)
        assert MachinePrice.from_settings(settings, 2, has_accelerator=True).usd(3_600.0) == pytest.approx(10.0)


class TestLoadReport:
    def test_the_object_is_json(self) -> None:
        """A verdict that never came has no number; JSON has no infinity."""
        read = json.loads(json.dumps(REPORT.as_json(), allow_nan=False))
        assert [step["p99_seconds"] for step in read["steps"]] == [2.5, None]
        assert read["figures"][0]["value"] is None
        assert [step["is_saturated"] for step in read["steps"]] == [False, True]

    def test_each_step_is_a_row(self) -> None:
        """Also one that is saturated, which is marked."""
        assert REPORT.tables()[0].row_count == 2

    def test_tokens_for_a_dollar(self) -> None:
        """Of language models on servers; none without any."""
        with_tokens = replace(REPORT, steps=(STEP, replace(STEP, tokens_per_usd=1_234.5)))
        (column,) = (each for each in with_tokens.tables()[0].columns if each.header == "tokens a $")
        assert list(column.cells) == ["0", "1,234"]
        assert [step["tokens_per_usd"] for step in with_tokens.as_json()["steps"]] == [0.0, 1_234.5]

    @pytest.mark.parametrize("suffix", [".png", ".svg"])
    def test_the_plot_is_a_picture(self, tmp_path: Path, suffix: str) -> None:
        """With a step without a p99 in it."""
        path = tmp_path / f"load{suffix}"
        REPORT.draw(path)
        assert path.read_bytes().startswith(b"\x89PNG" if suffix == ".png" else b"<?xml")

    def test_other_benchmarks_have_no_plot(self, tmp_path: Path) -> None:
        """And report it."""
        with pytest.raises(NoPlots, match=r"x\.png is not written: bench lanes has no plot"):
            BenchReport("lanes", {}, ()).draw(tmp_path / "x.png")

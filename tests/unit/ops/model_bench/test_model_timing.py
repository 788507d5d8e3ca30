"""What `models bench` times: every size, number of threads and precision of a model, and what an item costs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.card import Card
from operators.inference.backend import BackendConfig
from operators.inference.operating_points import OperatingPoint, SizeTiming
from operators.inference.precision_wrapper import warm_up_batch
from ops.model_bench import model_timing
from ops.model_bench.bench import default_threads
from ops.model_bench.model_timing import ModelTiming, TimedModel, thread_counts, time_sizes
from ops.model_bench.report import DevicePrice, as_json, plot_rows, rows_of
from streams.config.settings import read_settings
from tests.unit.operators.inference.fakes import SIZES, number_card

CARD = number_card("doubler")


class ManualTime:
    """A clock that a model's work moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class ScriptedRunner:
    """Takes the stated time for a batch, a longer one the first time, as a cold model does, and in half of all turns
    waits for a core that another process has."""

    def __init__(self, clock: ManualTime, seconds_by_size: dict[int, float]) -> None:
        self.card = CARD
        self.device_seconds = 0.0
        self.runs: Counter[int] = Counter()
        self._clock = clock
        self._seconds = seconds_by_size

    def run(self, rows: Any, size: int) -> None:
        assert len(rows) == size
        seconds = self._seconds[size] * (1 if self.runs[size] else 50)
        self.runs[size] += 1
        self._clock.seconds += seconds + (3.0 if self.runs[size] % 2 else 0.0)
        self.device_seconds += 2 * seconds


class TestTimeSizes:
    def timed(self, seconds: float, least_turns: int) -> tuple[ScriptedRunner, tuple[SizeTiming, ...]]:
        clock = ManualTime()
        runner = ScriptedRunner(clock, {1: 0.25, 4: 0.5, 16: 1.0})
        return runner, time_sizes(runner, (1, 4, 16), seconds, least_turns, clock)  # type: ignore[arg-type]

    def test_the_first_turn_is_dropped(self) -> None:
        """What a cold model takes is not its speed."""
        _, found = self.timed(0.0, 3)
        assert found == (SizeTiming(1, 0.25, 0.5), SizeTiming(4, 0.5, 1.0), SizeTiming(16, 1.0, 2.0))
        assert [timing.items_per_second for timing in found] == [4.0, 8.0, 16.0]

    def test_waits_for_a_core_are_not_the_models(self) -> None:
        """A preempted batch is longer on the clock, not in its cost; it does not move the knee."""
        _, found = self.timed(0.0, 6)
        assert [timing.batch_seconds for timing in found] == [0.25, 0.5, 1.0]

    def test_sizes_take_turns(self) -> None:
        """All are run equally often, until there are enough turns and the time is up."""
        runner, _ = self.timed(0.0, 3)
        assert set(runner.runs.values()) == {4}
        longer, _ = self.timed(300.0, 3)
        assert len(set(longer.runs.values())) == 1
        assert longer.runs[1] > 4


class Loaded:
    """A model on a device that works in the precision that its configuration prefers, if the card permits it."""

    def __init__(self, card: Card, config: BackendConfig) -> None:
        self.precision = config.precision if config.precision in card.precisions else "float32"
        self.engine = config.engine

    def compile(self) -> None:
        """Do nothing."""

    def warm_up(self) -> dict[int, float]:
        return dict.fromkeys(SIZES, 0.01)

    def run(self, batch: np.ndarray) -> Any:
        from operators.inference.backend import DeviceResult

        return DeviceResult((2.0 * batch,), 0.001 * len(batch))

    def close(self) -> None:
        """Do nothing."""


class Device:
    """Has one engine of two, and no bfloat16 with more than two threads."""

    name = "scripted"

    def __init__(self, config: BackendConfig) -> None:
        self._config = config

    def load(self, card: Card, build: Any) -> Loaded:
        del build
        is_absent = self._config.precision == "bfloat16" and self._config.num_threads > 2
        if is_absent or self._config.engine != "torch":
            raise ValueError("precision 'bfloat16' is not offered")
        return Loaded(card, self._config)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    monkeypatch.setattr(model_timing, "open_backend", lambda _name, config: Device(config))
    monkeypatch.setattr(model_timing, "QUICK_MEASURE_SECONDS", 0.0)
    yield []


def timed(card: Card, said: list[str], threads: tuple[int, ...] = (1, 4)) -> TimedModel:
    config = BackendConfig(num_threads=1)
    return ModelTiming("scripted", config, lambda _card: None, threads, None, is_quick=True, say=said.append).of(card)  # type: ignore[arg-type,return-value]


class TestModelTiming:
    def test_each_precision_that_card_and_device_permit(self, said: list[str]) -> None:
        """With each number of threads; what the device does not offer is left out."""
        found = timed(replace(CARD, precisions=("float32", "bfloat16")), said)
        assert [(point.mode, point.num_threads) for point in found.points] == [
            ("torch-float32", 1),
            ("torch-bfloat16", 1),
            ("torch-float32", 4),
        ]

    def test_a_precision_is_measured_once(self, said: list[str]) -> None:
        """A card that permits float32 only runs in float32 whatever is preferred."""
        assert [point.mode for point in timed(CARD, said, (1,)).points] == ["torch-float32"]

    def test_all_sizes_of_the_device(self, said: list[str]) -> None:
        """The knee is one of them."""
        [point] = timed(CARD, said, (1,)).points
        assert tuple(timing.batch_size for timing in point.timings) == SIZES
        assert point.batch_size in SIZES

    @pytest.mark.parametrize(
        ("cores", "counts"), [(1, (1,)), (2, (1, 2)), (3, (1, 2, 3)), (8, (1, 2, 4, 8)), (12, (1, 2, 4, 8, 12))]
    )
    def test_threads(self, cores: int, counts: tuple[int, ...]) -> None:
        """Powers of two, and all cores."""
        assert thread_counts(cores) == counts


POINT = OperatingPoint("float32", 2, 4, (SizeTiming(1, 0.5, 0.75), SizeTiming(4, 1.0, 1.5)))


class TestRows:
    def rows(self, watts: float | None = None) -> Any:
        settings = read_settings(usd_per_cpu_hour=3.6, watts_per_cpu_core=8.0)
        return rows_of([TimedModel(CARD, (POINT,), "cpu", watts)], settings)

    def test_an_item_costs_its_share_of_a_batch(self) -> None:
        """A core second is a tenth of a cent here, and eight joules."""
        one, four = self.rows()
        assert (one.usd_per_million, four.usd_per_million) == pytest.approx((750.0, 375.0))
        assert (one.joules_per_item, four.joules_per_item) == pytest.approx((6.0, 3.0))
        assert (one.is_knee, four.is_knee) == (False, True)
        assert one.is_energy_modelled

    def test_a_meter_counts_the_whole_device(self) -> None:
        """Its power by the time that an item takes."""
        one, four = self.rows(watts=20.0)
        assert (one.joules_per_item, four.joules_per_item) == pytest.approx((10.0, 5.0))
        assert not one.is_energy_modelled

    def test_an_accelerator_has_its_own_price(self) -> None:
        """Not that of a core."""
        settings = read_settings(usd_per_device_hour=7.2, watts_per_device=70.0)
        assert DevicePrice.from_settings(settings, "cuda") == DevicePrice(0.002, 70.0)

    def test_the_object_is_json(self) -> None:
        """One row a size."""
        read = json.loads(json.dumps(as_json(self.rows(), {}), allow_nan=False))
        assert [row["batch_size"] for row in read["rows"]] == [1, 4]

    @pytest.mark.parametrize("suffix", [".png", ".svg"])
    def test_the_plot_is_a_picture(self, tmp_path: Path, suffix: str) -> None:
        """One for each model."""
        path = tmp_path / f"models{suffix}"
        plot_rows(self.rows(), path)
        assert path.read_bytes().startswith(b"\x89PNG" if suffix == ".png" else b"<?xml")


def test_noise_is_what_the_card_takes() -> None:
    """Models are timed on batches that they would be given."""
    assert warm_up_batch(CARD, 4).shape == (4, 1)


class TestDefaultThreads:
    def test_those_of_a_worker_are_among_them(self) -> None:
        """A point of another number of threads is of no use to it."""
        assert 7 in default_threads(read_settings(torch_threads=7), "cpu")
        assert default_threads(read_settings(torch_threads=3), "cuda") == (3,)

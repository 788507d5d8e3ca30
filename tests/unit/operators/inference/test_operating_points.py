"""The measured batch size of a model: where throughput stops paying for latency, and for whom a measurement counts."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from models.card import Card
from operators.inference import operating_points
from operators.inference.operating_points import OperatingPoint, OperatingPoints, SizeTiming, knee_of
from operators.inference.private_cache import PrivateCache
from operators.inference.runner import Runner
from tests.unit.operators.inference.fakes import FakeBackend, number_card

SIZES = (1, 2, 4, 8, 16, 32)
MEASURED_UNIX_SECONDS = 1_700_000_000.0


def timings(seconds_by_size: dict[int, float]) -> tuple[SizeTiming, ...]:
    return tuple(SizeTiming(size, seconds, seconds) for size, seconds in seconds_by_size.items())


class TestKnee:
    def test_where_each_item_takes_its_time(self) -> None:
        """One core that computes one item after the other: larger batches only wait longer."""
        assert knee_of(timings({size: 0.01 * size for size in SIZES})).batch_size == 1

    def test_where_a_batch_takes_as_long_as_an_item(self) -> None:
        """A device with idle lanes: larger batches are free."""
        assert knee_of(timings(dict.fromkeys(SIZES, 0.01))).batch_size == 32

    @pytest.mark.parametrize(("lanes", "knee"), [(4, 4), (8, 8), (16, 16)])
    def test_where_the_queues_are_full(self, lanes: int, knee: int) -> None:
        """A batch takes as many passes as its lanes need; beyond them, twice the items take twice the time."""
        assert knee_of(timings({size: 0.01 * max(1, size / lanes) for size in SIZES})).batch_size == knee

    def test_a_fixed_cost_for_each_batch_pays_for_some_items(self) -> None:
        """Neither the smallest nor the largest."""
        assert knee_of(timings({size: 0.02 + 0.005 * size for size in SIZES})).batch_size in (4, 8, 16)

    def test_the_order_of_measurements_does_not_matter(self) -> None:
        """Equal points: the smaller batch."""
        found = timings({8: 0.02, 1: 0.01, 2: 0.01, 4: 0.01})
        assert knee_of(found) == knee_of(found[::-1])

    def test_of_nothing(self) -> None:
        """A model without a measured size has no operating point."""
        with pytest.raises(ValueError, match="at least one"):
            knee_of(())


def point(batch_size: int = 8, num_threads: int = 2) -> OperatingPoint:
    return OperatingPoint("torch-float32", num_threads, batch_size, timings({1: 0.01, 8: 0.02}))


@pytest.fixture
def kept(tmp_path: Path) -> PrivateCache:
    return PrivateCache(tmp_path / "cache", 1024**2)


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="operators.inference.operating_points")


def points(kept: PrivateCache, device: str = "cpu", num_threads: int = 2) -> OperatingPoints:
    return OperatingPoints(kept, device, num_threads)


MODEL = number_card("model")


def stored(kept: PrivateCache, *found: OperatingPoint, model: Card = MODEL) -> None:
    points(kept).keep(model, found or (point(),), MEASURED_UNIX_SECONDS)


class TestOperatingPoints:
    def test_a_worker_takes_the_measured_sizes(self, kept: PrivateCache, caplog: pytest.LogCaptureFixture) -> None:
        """Up to the knee, and reports it."""
        stored(kept)
        assert points(kept).sizes_of(MODEL, "torch-float32", SIZES) == (1, 2, 4, 8)
        assert "takes its batch sizes from its measured operating point: (1, 2, 4, 8)" in caplog.text

    def test_small_batches_stay(self, kept: PrivateCache) -> None:
        """What they save outside of the model was not measured."""
        stored(kept, point(batch_size=1))
        assert points(kept).sizes_of(MODEL, "torch-float32", SIZES) == (1, 2, 4)
        assert points(kept).sizes_of(MODEL, "torch-float32", (16, 32)) == (16,)

    def test_without_a_measurement_nothing_is_said(self, kept: PrivateCache, caplog: pytest.LogCaptureFixture) -> None:
        """The estimate of the warm-up is the usual case."""
        assert points(kept).sizes_of(MODEL, "torch-float32", SIZES) is None
        assert caplog.text == ""

    def test_the_point_of_its_own_configuration(self, kept: PrivateCache) -> None:
        """Among those of several numbers of threads."""
        stored(kept, point(4, 1), point(16, 2))
        assert points(kept, num_threads=1).sizes_of(MODEL, "torch-float32", SIZES) == (1, 2, 4)
        assert points(kept, num_threads=2).sizes_of(MODEL, "torch-float32", SIZES) == (1, 2, 4, 8, 16)

    def test_a_worker_with_other_thread_pools(self, kept: PrivateCache, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its start limits them by its own setting; the benchmark measures several numbers in one process."""
        monkeypatch.setenv("MKL_NUM_THREADS", "4")
        stored(kept)
        monkeypatch.setenv("MKL_NUM_THREADS", "2")
        assert points(kept).sizes_of(MODEL, "torch-float32", SIZES) == (1, 2, 4, 8)


class TestRunner:
    def runner(self, found: OperatingPoints | None) -> Runner:
        runner = Runner(MODEL, lambda _card: None, FakeBackend(), found)  # type: ignore[arg-type,return-value]
        runner.open()
        return runner

    def test_batches_have_measured_sizes(self, kept: PrivateCache) -> None:
        """In place of those that the warm-up suggests, which here are all."""
        assert self.runner(None).batch_sizes == (1, 4, 8, 16)
        stored(kept)
        runner = self.runner(points(kept))
        assert runner.batch_sizes == (1, 4, 8)
        assert runner.supported_sizes == (1, 4, 8, 16)

    def test_without_a_valid_measurement(self, kept: PrivateCache) -> None:
        """The warm-up decides, as before."""
        stored(kept)
        assert self.runner(points(kept, num_threads=3)).batch_sizes == (1, 4, 8, 16)


class TestStalePoints:
    def ignored(self, caplog: pytest.LogCaptureFixture, found: tuple[int, ...] | None) -> str:
        """The reason that the log states."""
        assert found is None
        return caplog.text.partition("operating point of model model is ignored: ")[2].strip()

    def test_other_weights(self, kept: PrivateCache, caplog: pytest.LogCaptureFixture) -> None:
        """A card names the hashes of its files."""
        stored(kept)
        other = replace(MODEL, version="9.9")
        assert self.ignored(caplog, points(kept).sizes_of(other, "torch-float32", SIZES)) == (
            "the model had other weights or another card"
        )

    def test_another_device(self, kept: PrivateCache, caplog: pytest.LogCaptureFixture) -> None:
        """A cache folder may move to another machine with its disk."""
        stored(kept)
        found = points(kept, device="cuda GPU-1").sizes_of(MODEL, "torch-float32", SIZES)
        assert self.ignored(caplog, found) == "it was measured on another machine"

    def test_another_processor(
        self, kept: PrivateCache, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Or another torch, or other settings of its kernels."""
        stored(kept)
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
        found = points(kept).sizes_of(MODEL, "torch-float32", SIZES)
        assert self.ignored(caplog, found) == "it was measured on another machine"

    def test_other_code(
        self, kept: PrivateCache, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A release may compute in another way."""
        stored(kept)
        monkeypatch.setattr(operating_points, "code_digest", lambda: "another")
        assert self.ignored(caplog, points(kept).sizes_of(MODEL, "torch-float32", SIZES)) == "the code has changed"

    @pytest.mark.parametrize(
        ("mode", "num_threads", "reason"),
        [
            ("torch-bfloat16", 2, "not measured in torch-bfloat16 with 2 threads"),
            ("torch-float32", 4, "not measured in torch-float32 with 4 threads"),
        ],
    )
    def test_another_configuration(
        self, kept: PrivateCache, caplog: pytest.LogCaptureFixture, mode: str, num_threads: int, reason: str
    ) -> None:
        """The settings of the worker are not those of the measurement."""
        stored(kept)
        found = points(kept, num_threads=num_threads).sizes_of(MODEL, mode, SIZES)
        assert self.ignored(caplog, found) == reason

    def test_an_entry_that_is_no_measurement(self, kept: PrivateCache, caplog: pytest.LogCaptureFixture) -> None:
        """Of a release with other fields."""
        kept.write("operating-point-model", b'{"model": 1}')
        assert "Expected `str`" in self.ignored(caplog, points(kept).sizes_of(MODEL, "torch-float32", SIZES))

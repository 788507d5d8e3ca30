"""Meters of energy: counters that wrap, averages over busy time, and machines without any."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from operators.energy import RaplPackages
from operators.inference.backends.cuda_energy import NvmlEnergy
from schemas.receipts import MeasuredPower
from streams.costs.power import PowerMeter


class Zones:
    """A powercap tree in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def add(self, place: str, name: str, microjoules: int, range_microjoules: int = 1_000_000) -> None:
        folder = self.root / place
        folder.mkdir()
        (folder / "name").write_text(f"{name}\n")
        (folder / "max_energy_range_uj").write_text(f"{range_microjoules}\n")
        self.set(place, microjoules)

    def set(self, place: str, microjoules: int) -> None:
        (self.root / place / "energy_uj").write_text(f"{microjoules}\n")


@pytest.fixture
def zones(tmp_path: Path) -> Zones:
    return Zones(tmp_path)


class TestRapl:
    def test_packages_and_memory_add_up_once(self, zones: Zones) -> None:
        """Cores are a part of their package, and `psys` of the whole machine: neither counts again."""
        for place, name in (
            ("intel-rapl:0", "package-0"),
            ("intel-rapl:0:0", "core"),
            ("intel-rapl:0:1", "dram"),
            ("intel-rapl:1", "package-1"),
            ("intel-rapl:2", "psys"),
        ):
            zones.add(place, name, 100)
        counter = RaplPackages.open(zones.root)
        assert counter is not None and counter.joules() == 0.0
        for place in ("intel-rapl:0", "intel-rapl:0:0", "intel-rapl:0:1", "intel-rapl:1", "intel-rapl:2"):
            zones.set(place, 500_100)
        assert counter.joules() == pytest.approx(1.5)

    def test_a_counter_that_wraps_goes_on(self, zones: Zones) -> None:
        """It starts again from 0 behind its range, every few minutes on a busy machine."""
        zones.add("intel-rapl:0", "package-0", 900_000, range_microjoules=999_999)
        counter = RaplPackages.open(zones.root)
        assert counter is not None
        zones.set("intel-rapl:0", 100_000)
        assert counter.joules() == pytest.approx(0.2)
        zones.set("intel-rapl:0", 50_000)
        assert counter.joules() == pytest.approx(1.15)

    def test_nothing_that_may_be_read_is_no_meter(self, zones: Zones) -> None:
        """No folder, no zone, or a zone that is root's alone."""
        assert RaplPackages.open(zones.root / "absent") is None
        assert RaplPackages.open(zones.root) is None
        zones.add("intel-rapl:0", "package-0", 1)
        (zones.root / "intel-rapl:0" / "energy_uj").unlink()
        assert RaplPackages.open(zones.root) is None

    def test_a_meter_that_goes_away_is_none(self, zones: Zones) -> None:
        """An administrator may take the right away while a worker runs; it must not crash for that."""
        zones.add("intel-rapl:0", "package-0", 1)
        counter = RaplPackages.open(zones.root)
        (zones.root / "intel-rapl:0" / "energy_uj").unlink()
        assert counter is not None and counter.joules() is None


class NvmlError(Exception):
    """What the library raises."""


@dataclass
class FakeNvml:
    """The library's functions that are used, of a machine with one accelerator."""

    millijoules: int | None = 5_000

    NVMLError = NvmlError

    def nvmlInit(self) -> None:  # noqa: N802  (the library's name)
        pass

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:  # noqa: N802
        if uuid != "GPU-1234":
            raise NvmlError(uuid)
        return "handle"

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> int:  # noqa: N802
        if self.millijoules is None:
            raise NvmlError("not supported")
        return self.millijoules


class TestNvml:
    def test_counts_from_its_opening(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The driver counts since it was loaded; the accelerator is found by the name that torch gives it."""
        nvml = FakeNvml()
        monkeypatch.setitem(sys.modules, "pynvml", nvml)  # type: ignore[arg-type]
        counter = NvmlEnergy.open("1234")
        nvml.millijoules = 6_500
        assert counter is not None and counter.joules() == pytest.approx(1.5)
        nvml.millijoules = None
        assert counter.joules() is None

    def test_no_library_no_meter(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The extra is not installed, the accelerator is another one, or too old to count."""
        monkeypatch.setitem(sys.modules, "pynvml", None)
        assert NvmlEnergy.open("GPU-1234") is None
        monkeypatch.setitem(sys.modules, "pynvml", FakeNvml())  # type: ignore[arg-type]
        assert NvmlEnergy.open("GPU-9999") is None
        monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(millijoules=None))  # type: ignore[arg-type]
        assert NvmlEnergy.open("GPU-1234") is None


class TestPowerMeter:
    def test_joules_over_busy_seconds(self) -> None:
        """A package that drew 30 J while cores worked 2 s in sum: 15 W a busy core, no matter who kept it busy."""
        now = SimpleNamespace(joules=100.0, device_joules=0.0, core=50.0, device=0.0, seconds=0.0)
        meter = PowerMeter(
            SimpleNamespace(joules=lambda: now.joules),
            SimpleNamespace(joules=lambda: now.device_joules),
            core_seconds=lambda: now.core,
            device_seconds=lambda: now.device,
            monotonic_seconds=lambda: now.seconds,
        )
        assert meter.read() == MeasuredPower()
        now.joules, now.core, now.device_joules, now.device, now.seconds = 130.0, 52.0, 600.0, 2.0, 5.0
        assert meter.read() == MeasuredPower(watts_per_cpu_core=15.0, watts_per_device=300.0)

    def test_rest_is_paid_by_the_next_work(self) -> None:
        """What a machine draws while it rests is no window of its own: its joules join those of the next work."""
        now = SimpleNamespace(joules=0.0, core=0.0, seconds=0.0)
        meter = PowerMeter(
            SimpleNamespace(joules=lambda: now.joules),
            core_seconds=lambda: now.core,
            monotonic_seconds=lambda: now.seconds,
        )
        now.joules, now.core, now.seconds = 50.0, 0.01, 10.0
        assert meter.read().watts_per_cpu_core is None
        now.joules, now.core, now.seconds = 70.0, 2.0, 13.0
        assert meter.read().watts_per_cpu_core == pytest.approx(35.0)

    def test_looks_at_most_every_two_seconds(self) -> None:
        """Signals come faster than that, and counters are coarse."""
        looks = []
        now = SimpleNamespace(seconds=0.0, core=0.0)
        meter = PowerMeter(
            SimpleNamespace(joules=lambda: looks.append(1) or 10.0 * now.core),
            core_seconds=lambda: now.core,
            monotonic_seconds=lambda: now.seconds,
        )
        before = len(looks)
        for _ in range(80):
            now.seconds += 0.125
            now.core += 0.125
            meter.read()
        assert len(looks) - before == 5

    def test_no_meters_nothing_measured(self) -> None:
        """Then the price table models, and reports it."""
        now = SimpleNamespace(seconds=0.0)
        meter = PowerMeter(None, monotonic_seconds=lambda: now.seconds)
        now.seconds = 60.0
        assert meter.read() == MeasuredPower()

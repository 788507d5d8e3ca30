"""Energy meters, on machines that have readable ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil

POWERCAP = Path("/sys/class/powercap")
_COUNTED = ("package-", "dram")
"""Zones that add up; `core` and `uncore` are parts of a package, `psys` contains packages."""


class EnergyCounter(Protocol):
    """A meter that only grows."""

    def joules(self) -> float | None:
        """Return the energy since it was opened; None if the meter can no longer be read."""


@dataclass(slots=True)
class _Zone:
    """One counter of Linux' powercap interface; it wraps to 0 after `range_microjoules`."""

    path: Path
    range_microjoules: int
    last_microjoules: int
    total_microjoules: int = 0

    def look(self) -> int:
        """Return the microjoules since it was opened. Raises OSError, ValueError."""
        now = _number(self.path / "energy_uj")
        step = now - self.last_microjoules
        if step < 0:  # it wrapped; with a reading every few seconds it cannot wrap twice
            step += self.range_microjoules + 1
        self.last_microjoules = now
        self.total_microjoules += step
        return self.total_microjoules


class RaplPackages:
    """Processor packages and their memory by RAPL: the energy of the whole machine, not only of this process.

    Kernels since 2020 permit only root to read it (CVE-2020-8694), unless an administrator changes that.
    """

    def __init__(self, zones: list[_Zone]) -> None:
        self._zones = zones

    @classmethod
    def open(cls, powercap: Path = POWERCAP) -> RaplPackages | None:
        """Return None if nothing is readable."""
        try:
            zones = [_zone(path) for path in sorted(powercap.glob("intel-rapl:*")) if _is_counted(path)]
        except (OSError, ValueError):
            return None
        return cls(zones) if zones else None

    def joules(self) -> float | None:
        """See `EnergyCounter`."""
        try:
            return sum(zone.look() for zone in self._zones) / 1e6
        except (OSError, ValueError):
            return None


def busy_core_seconds() -> float:
    """Return the time that the cores of this machine were busy, for all processes, since its start."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + getattr(times, "irq", 0) + getattr(times, "softirq", 0))


def _is_counted(path: Path) -> bool:
    return (path / "name").read_text().strip().startswith(_COUNTED)


def _zone(path: Path) -> _Zone:
    return _Zone(path, _number(path / "max_energy_range_uj"), _number(path / "energy_uj"))


def _number(path: Path) -> int:
    return int(path.read_text())

"""Meters of energy, where a machine has some that may be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil

POWERCAP = Path("/sys/class/powercap")
_COUNTED = ("package-", "dram")
"""Zones that add up; `core` and `uncore` are parts of a package, `psys` holds packages."""


class EnergyCounter(Protocol):
    """A meter that only grows."""

    def joules(self) -> float | None:
        """Energy since it was opened; None where the meter can no longer be read."""


@dataclass(slots=True)
class _Zone:
    """One counter of Linux' powercap interface; it starts again from 0 behind `range_microjoules`."""

    path: Path
    range_microjoules: int
    last_microjoules: int
    total_microjoules: int = 0

    def look(self) -> int:
        """Microjoules since it was opened. Raises OSError, ValueError."""
        now = _number(self.path / "energy_uj")
        step = now - self.last_microjoules
        if step < 0:  # it wrapped; a look every few seconds cannot miss a second time
            step += self.range_microjoules + 1
        self.last_microjoules = now
        self.total_microjoules += step
        return self.total_microjoules


class RaplPackages:
    """Processor packages and their memory by RAPL: the whole machine's energy, not only ours.

    Kernels since 2020 let only root read it (CVE-2020-8694), unless an administrator says otherwise.
    """

    def __init__(self, zones: list[_Zone]) -> None:
        self._zones = zones

    @classmethod
    def open(cls, powercap: Path = POWERCAP) -> RaplPackages | None:
        """None where there is nothing that may be read."""
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
    """Time that the cores of this machine worked, for us and for others, since it started."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + getattr(times, "irq", 0) + getattr(times, "softirq", 0))


def _is_counted(path: Path) -> bool:
    return (path / "name").read_text().strip().startswith(_COUNTED)


def _zone(path: Path) -> _Zone:
    return _Zone(path, _number(path / "max_energy_range_uj"), _number(path / "energy_uj"))


def _number(path: Path) -> int:
    return int(path.read_text())

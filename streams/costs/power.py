"""Metered power of a busy core and a busy accelerator in the last seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from operators.energy import EnergyCounter, RaplPackages, busy_core_seconds
from schemas.receipts import MeasuredPower

_WINDOW_SECONDS: Final = 2.0
"""Shortest time over which power is averaged."""
_LEAST_BUSY_SECONDS: Final = 0.05
"""Less busy time is not averaged: idle power would be attributed to a moment's work."""


class PowerMeter:
    """Averages since the last time that something was busy for long enough.

    Idle power is charged to busy time: over a day, the joules of all busy seconds, ours and others', are those that the
    meter counted.

    Args:
        cores: energy of the processors; None if no meter can be read.
        device: energy of the accelerator; None if no meter can be read.
        core_seconds: busy time of all cores, by all processes.
        device_seconds: busy time of the accelerator for this process.
        monotonic_seconds: the clock.
    """

    def __init__(
        self,
        cores: EnergyCounter | None,
        device: EnergyCounter | None = None,
        *,
        core_seconds: Callable[[], float] = busy_core_seconds,
        device_seconds: Callable[[], float] = lambda: 0.0,
        monotonic_seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cores = _Average(cores, core_seconds) if cores is not None else None
        self._device = _Average(device, device_seconds) if device is not None else None
        self._monotonic_seconds = monotonic_seconds
        self._looked_seconds = monotonic_seconds()
        self._found = MeasuredPower()

    def read(self) -> MeasuredPower:
        """Return the current averages; reads the meters at most every two seconds."""
        now_seconds = self._monotonic_seconds()
        if now_seconds - self._looked_seconds >= _WINDOW_SECONDS:
            self._looked_seconds = now_seconds
            self._found = MeasuredPower(
                watts_per_cpu_core=self._cores.watts() if self._cores else None,
                watts_per_device=self._device.watts() if self._device else None,
            )
        return self._found


class _Average:
    """Joules over the seconds in which something was busy."""

    def __init__(self, counter: EnergyCounter, busy_seconds: Callable[[], float]) -> None:
        self._counter = counter
        self._busy_seconds = busy_seconds
        self._last_joules = counter.joules() or 0.0
        self._last_busy_seconds = busy_seconds()
        self._watts: float | None = None

    def watts(self) -> float | None:
        joules, busy_seconds = self._counter.joules(), self._busy_seconds()
        if joules is None:
            return None
        worked_seconds = busy_seconds - self._last_busy_seconds
        if worked_seconds >= _LEAST_BUSY_SECONDS:
            self._watts = (joules - self._last_joules) / worked_seconds
            self._last_joules, self._last_busy_seconds = joules, busy_seconds
        return self._watts


def open_core_energy() -> EnergyCounter | None:
    """Return the processors' meter; None if there is none or it cannot be read."""
    return RaplPackages.open()

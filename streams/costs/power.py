"""Power by meters: what a busy core and a busy accelerator drew in the last seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from operators.energy import EnergyCounter, RaplPackages, busy_core_seconds
from schemas.receipts import MeasuredPower

_WINDOW_SECONDS: Final = 2.0
"""Shortest time that an average is taken over."""
_LEAST_BUSY_SECONDS: Final = 0.05
"""Less is no base for an average: what a machine draws at rest would be taken for the cost of a moment's work."""


class PowerMeter:
    """Averages since the last time that something worked for long enough.

    What a machine draws while it rests is on those who work: over a day the joules of all busy seconds, ours and
    others', are those that the meter counted.

    Args:
        cores: energy of the processors; None where no meter may be read.
        device: energy of the accelerator, likewise.
        core_seconds: time that all cores worked, for us and for others.
        device_seconds: time that the accelerator worked for us.
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
        """What is known now; looks at the meters at most every two seconds."""
        now_seconds = self._monotonic_seconds()
        if now_seconds - self._looked_seconds >= _WINDOW_SECONDS:
            self._looked_seconds = now_seconds
            self._found = MeasuredPower(
                watts_per_cpu_core=self._cores.watts() if self._cores else None,
                watts_per_device=self._device.watts() if self._device else None,
            )
        return self._found


class _Average:
    """Joules over the seconds that something worked."""

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
    """The processors' meter; None where there is none that may be read."""
    return RaplPackages.open()

"""What a step costs: the machine is paid for whether it is busy or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from streams.config.settings import Settings

IDLE_WATTS_RATIO: Final = 0.4
"""Power of an idle core over a busy one; assumed of usual servers, here and in sizing."""


@dataclass(frozen=True, slots=True)
class MachinePrice:
    """Money and power of the machine that the worker has for itself."""

    cores: int
    usd_per_second: float
    busy_core_watts: float
    idle_core_watts: float

    @classmethod
    def from_settings(cls, settings: Settings, cores: int, *, has_accelerator: bool) -> MachinePrice:
        """Return the price by the settings' price table; an idle core has the assumed share of a busy one."""
        per_hour = cores * settings.usd_per_cpu_hour + has_accelerator * settings.usd_per_device_hour
        watts = settings.watts_per_cpu_core
        return cls(cores, per_hour / 3_600, watts, watts * IDLE_WATTS_RATIO)

    def usd(self, seconds: float) -> float:
        """Return the money for holding the machine."""
        return seconds * self.usd_per_second

    def joules(self, seconds: float, busy_core_seconds: float) -> float:
        """Return the modelled energy of busy and idle cores."""
        busy = min(busy_core_seconds, self.cores * seconds)
        return busy * self.busy_core_watts + (self.cores * seconds - busy) * self.idle_core_watts

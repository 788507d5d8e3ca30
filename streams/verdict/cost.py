"""What a video cost: the receipts of its winning signals, priced by a table."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from schemas.facts import Signal
from schemas.receipts import Cost
from streams.settings import Settings

_HOUR_SECONDS = 3_600.0


@dataclass(frozen=True, slots=True)
class Prices:
    """Money and power of a busy core and of a busy accelerator."""

    usd_per_cpu_hour: float
    usd_per_device_hour: float
    """Beside the cores that drive the device; 0 where the device is the cores."""
    watts_per_cpu_core: float
    watts_per_device: float
    cores_per_device: int = 1
    """Cores that are busy while the device is: they drive it, or they are it."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Prices:
        """The price table of the settings."""
        return cls(
            usd_per_cpu_hour=settings.usd_per_cpu_hour,
            usd_per_device_hour=settings.usd_per_device_hour,
            watts_per_cpu_core=settings.watts_per_cpu_core,
            watts_per_device=settings.watts_per_device,
            cores_per_device=settings.torch_threads,
        )


def price(signals: Iterable[Signal], prices: Prices) -> Cost:
    """Add up receipts; a decode that several signals shared counts once, by its `decode_id`."""
    receipts = [signal.receipt for signal in signals]
    decodes = {receipt.decode.decode_id: receipt.decode for receipt in receipts if receipt.decode}
    cpu_seconds = math.fsum(receipt.cpu_seconds for receipt in receipts)
    device_seconds = math.fsum(receipt.device_seconds for receipt in receipts)
    decode_cpu_seconds = math.fsum(decode.cpu_seconds for decode in decodes.values())
    core_seconds = cpu_seconds + decode_cpu_seconds + prices.cores_per_device * device_seconds
    usd_hours = core_seconds * prices.usd_per_cpu_hour + device_seconds * prices.usd_per_device_hour
    return Cost(
        cpu_seconds=cpu_seconds,
        device_seconds=device_seconds,
        decode_cpu_seconds=decode_cpu_seconds,
        num_decodes=len(decodes),
        usd=usd_hours / _HOUR_SECONDS,
        joules=core_seconds * prices.watts_per_cpu_core + device_seconds * prices.watts_per_device,
        is_modelled=True,
    )

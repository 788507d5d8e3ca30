"""Cost of a video: the receipts of its winning signals, priced by a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from schemas.facts import Signal
from schemas.receipts import CPU_STAGES, Cost, CpuStage, MeasuredPower, Receipt
from streams.config.settings import Settings

_HOUR_SECONDS = 3_600.0
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Prices:
    """Money and power of a busy core and of a busy accelerator."""

    usd_per_cpu_hour: float
    usd_per_device_hour: float
    """In addition to the cores that drive the device; 0 if the device is the cores."""
    watts_per_cpu_core: float
    """Used if no meter can be read; the same applies to the next field."""
    watts_per_device: float
    usd_per_million_input_tokens: float = 0.0
    """Of language models on servers; the same applies to the next field."""
    usd_per_million_output_tokens: float = 0.0

    @classmethod
    def from_settings(cls, settings: Settings) -> Prices:
        """Return the price table of the settings."""
        return cls(
            usd_per_cpu_hour=settings.usd_per_cpu_hour,
            usd_per_device_hour=settings.usd_per_device_hour,
            watts_per_cpu_core=settings.watts_per_cpu_core,
            watts_per_device=settings.watts_per_device,
            usd_per_million_input_tokens=settings.usd_per_million_input_tokens,
            usd_per_million_output_tokens=settings.usd_per_million_output_tokens,
        )


def price(signals: Iterable[Signal], prices: Prices) -> Cost:
    """Add up receipts; a decode that several signals share counts once, by its `decode_id`."""
    receipts = [signal.receipt for signal in signals]
    spent = [spent_by(receipt) for receipt in receipts]
    decodes = {receipt.decode.decode_id: receipt for receipt in receipts if receipt.decode}
    spent += [spent_by_decode(receipt) for receipt in decodes.values()]
    stages = _stages(spent)
    num_items = sum(receipt.items for receipt in receipts if receipt.batch_items_mean)
    return Cost(
        cpu_seconds=stages.get("operators", 0.0),
        device_seconds=math.fsum(each.device_seconds for each in spent),
        decode_cpu_seconds=stages.get("index", 0.0) + stages.get("decode", 0.0),
        num_decodes=len(decodes),
        usd=math.fsum(each.usd(prices) for each in spent),
        joules=math.fsum(each.joules(prices) for each in spent),
        is_modelled=not spent or any(each.is_modelled(prices) for each in spent),
        cpu_seconds_by_stage=stages,
        bytes_read=sum(receipt.decode.bytes_read for receipt in decodes.values() if receipt.decode),
        input_tokens=sum(each.input_tokens for each in spent),
        output_tokens=sum(each.output_tokens for each in spent),
        batch_items_mean=sum(receipt.batch_items_mean * receipt.items for receipt in receipts) / max(1, num_items),
        cpu_seconds_by_model=_by_model(receipts),
    )


def _by_model(receipts: Sequence[Receipt]) -> dict[str, float]:
    """Return the CPU seconds of each model; one may be on the receipts of several modalities."""
    names = sorted({name for receipt in receipts for name in receipt.models})
    used = {name: [each.models[name].cpu_seconds for each in receipts if name in each.models] for name in names}
    return {name: math.fsum(seconds) for name, seconds in used.items()}


@dataclass(frozen=True, slots=True)
class Spent:
    """Usage of a signal without its decode, or of a decode, not yet priced."""

    cpu_seconds: Mapping[CpuStage, float]
    device_seconds: float
    power: MeasuredPower
    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def num_tokens(self) -> int:
        """Tokens that language models read and wrote."""
        return self.input_tokens + self.output_tokens

    def usd(self, prices: Prices) -> float:
        """Return the money by the price table."""
        core_seconds = math.fsum(self.cpu_seconds.values())
        hours = (
            core_seconds * prices.usd_per_cpu_hour + self.device_seconds * prices.usd_per_device_hour
        ) / _HOUR_SECONDS
        return hours + tokens_usd(self.input_tokens, self.output_tokens, prices)

    def joules(self, prices: Prices) -> float:
        """Return the energy by meters if they were read, otherwise by the price table."""
        core_watts, device_watts = self.power.watts_per_cpu_core, self.power.watts_per_device
        core_watts = prices.watts_per_cpu_core if core_watts is None else core_watts
        device_watts = prices.watts_per_device if device_watts is None else device_watts
        return math.fsum(self.cpu_seconds.values()) * core_watts + self.device_seconds * device_watts

    def is_modelled(self, prices: Prices) -> bool:
        """Return whether the price table contributes to its joules."""
        is_device_modelled = self.power.watts_per_device is None and prices.watts_per_device * self.device_seconds > 0
        return self.power.watts_per_cpu_core is None or is_device_modelled


def spent_by(receipt: Receipt) -> Spent:
    """Return the usage of a signal without its decode.

    For receipts of releases that did not measure the device's threads, one core counts for the device's busy time.
    """
    device_cpu_seconds = receipt.device_cpu_seconds
    stages: dict[CpuStage, float] = {
        "operators": receipt.cpu_seconds,
        "device": receipt.device_seconds if device_cpu_seconds is None else device_cpu_seconds,
        "overhead": receipt.overhead_cpu_seconds,
    }
    models = receipt.models.values()
    return Spent(
        stages,
        receipt.device_seconds,
        receipt.power,
        input_tokens=sum(model.input_tokens for model in models),
        output_tokens=sum(model.output_tokens for model in models),
    )


def tokens_usd(input_tokens: int, output_tokens: int, prices: Prices) -> float:
    """Return the money for tokens of language models."""
    usd_millionths = (
        input_tokens * prices.usd_per_million_input_tokens + output_tokens * prices.usd_per_million_output_tokens
    )
    return usd_millionths / _MILLION


def spent_by_decode(receipt: Receipt) -> Spent:
    """Return the usage of the decode on a receipt, at the power of that receipt; nothing without a decode."""
    decode = receipt.decode
    if decode is None:
        return Spent({}, 0.0, receipt.power)
    stages: dict[CpuStage, float] = {
        "fetch": decode.fetch_cpu_seconds,
        "index": decode.index_cpu_seconds,
        "decode": decode.cpu_seconds - decode.index_cpu_seconds,
    }
    return Spent(stages, 0.0, receipt.power)


def _stages(spent: Sequence[Spent]) -> dict[CpuStage, float]:
    """Return the CPU seconds by stage, without empty stages."""
    sums = {stage: math.fsum(each.cpu_seconds.get(stage, 0.0) for each in spent) for stage in CPU_STAGES}
    return {stage: seconds for stage, seconds in sums.items() if seconds}

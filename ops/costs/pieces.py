"""Splits receipts: each piece of the cost belongs to one video, modality, model and stage."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from schemas.facts import Accepted, Fact, Signal
from schemas.receipts import CPU_STAGES, CpuStage, Receipt
from streams.decision.cost import Prices, Spent, spent_by, spent_by_decode

Grouping = Literal["market", "creator", "modality", "model", "stage"]

NOT_SAID = "(not said)"
"""Market or creator of an upload that names none, or whose acceptance is no longer in the log."""
NO_MODEL = "(no model)"
"""Operators, decoding and shared time: work without a model."""
SHARED_DECODE = "(shared decode)"
"""Modality of the one decode that several modalities share."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the cost that cannot be split further."""

    video_id: str
    names: Mapping[Grouping, str]
    cpu_seconds: float
    device_seconds: float
    bytes_read: int
    usd: float
    joules: float
    is_modelled: bool

    @property
    def stage(self) -> CpuStage:
        """Stage of the CPU time; device time belongs to `device`."""
        return next(stage for stage in CPU_STAGES if stage == self.names["stage"])


@dataclass(frozen=True, slots=True)
class Owner:
    """Market and creator of a video."""

    market: str = NOT_SAID
    creator: str = NOT_SAID


def owners_of(facts: Iterable[Fact]) -> dict[str, Owner]:
    """Return the owner by video id, from its last acceptance."""
    return {
        fact.video_id: Owner(fact.market or NOT_SAID, fact.creator_id or NOT_SAID)
        for fact in facts
        if isinstance(fact, Accepted)
    }


def distinct_signals(facts: Iterable[Fact], since_unix_seconds: float = -math.inf) -> list[Signal]:
    """Yield each signal once: a replay publishes the same one again at no cost."""
    found = {fact.signal_id: fact for fact in facts if isinstance(fact, Signal)}
    return [signal for signal in found.values() if signal.produced_unix_seconds >= since_unix_seconds]


def pieces_of(signals: Iterable[Signal], owners: Mapping[str, Owner], prices: Prices) -> Iterator[Piece]:
    """Yield all pieces; a decode on several signals counts once."""
    seen: set[str] = set()
    for signal in signals:
        owner = owners.get(signal.video_id, Owner())
        for model, spent in _by_model(signal.receipt):
            yield from _split(signal.video_id, owner, signal.modality, model, spent, prices)
        decode = signal.receipt.decode
        if decode is not None and decode.decode_id not in seen:
            seen.add(decode.decode_id)
            spent = spent_by_decode(signal.receipt)
            yield from _split(
                signal.video_id, owner, SHARED_DECODE, NO_MODEL, spent, prices, bytes_read=decode.bytes_read
            )


def _by_model(receipt: Receipt) -> Iterator[tuple[str, Spent]]:
    """Yield the usage of each model of a signal, and the usage without a model."""
    whole = spent_by(receipt)
    device_cpu_seconds, device_seconds = whole.cpu_seconds["device"], whole.device_seconds
    for name, part in sorted(receipt.models.items()):
        yield (
            name,
            Spent(
                {"device": part.cpu_seconds}, part.device_seconds, receipt.power, part.input_tokens, part.output_tokens
            ),
        )
        device_cpu_seconds -= part.cpu_seconds
        device_seconds -= part.device_seconds
    on_host_seconds = max(0.0, -device_cpu_seconds)  # of models that run on host threads, counted with the operators
    rest = {**whole.cpu_seconds, "device": max(0.0, device_cpu_seconds)}
    rest["operators"] = max(0.0, rest.get("operators", 0.0) - on_host_seconds)
    yield NO_MODEL, Spent(rest, max(0.0, device_seconds), receipt.power)


def _split(
    video_id: str, owner: Owner, modality: str, model: str, spent: Spent, prices: Prices, *, bytes_read: int = 0
) -> Iterator[Piece]:
    for stage, cpu_seconds in spent.cpu_seconds.items():
        part = Spent({stage: cpu_seconds}, 0.0, spent.power)
        if stage == "device":
            part = replace(spent, cpu_seconds={stage: cpu_seconds})
        device_seconds = part.device_seconds
        num_bytes = bytes_read if stage == "decode" else 0
        if not (cpu_seconds or device_seconds or num_bytes or part.num_tokens):
            continue
        yield Piece(
            video_id=video_id,
            names={
                "market": owner.market,
                "creator": owner.creator,
                "modality": modality,
                "model": model,
                "stage": stage,
            },
            cpu_seconds=cpu_seconds,
            device_seconds=device_seconds,
            bytes_read=num_bytes,
            usd=part.usd(prices),
            joules=part.joules(prices),
            is_modelled=part.is_modelled(prices),
        )

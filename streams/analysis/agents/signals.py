"""From an analysis to a signal: its identity, and the check of its values."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass

from msgspec import UNSET

from operators.errors import ModelFault
from schemas.facts import Failure, Signal, SourceOffset
from schemas.identity import Modality
from schemas.receipts import Receipt
from schemas.uploads import VideoUploaded
from streams.analysis.agents.analysis import Agent, Analysis

NOTHING_SPENT = Receipt()


@dataclass(frozen=True, slots=True)
class Provenance:
    """Origin of an agent's results; the same on every replay of the same worker build."""

    fingerprint: str
    """Covers model hashes, engines and precisions, sampling plan and code version."""
    generation: int
    """Grows whenever a model, the agent's code or the sampling plan is replaced, see `streams.analysis.provenance`."""
    models: dict[str, str]
    """Card fingerprints by model name."""


def signal_id(video_id: str, revision: int, modality: Modality, fingerprint: str) -> str:
    """Return the id of a signal: the same inputs give the same id on every worker, and on replay."""
    text = "\x1f".join((video_id, str(revision), modality, fingerprint))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def failed_signal_id(identity: str, source: SourceOffset) -> str:
    """Return the id of a failed signal; it contains the event, so that the same upload sent again is computed again."""
    text = f"{identity}\x1f{source.topic}\x1f{source.partition}\x1f{source.offset}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def ok_signal(
    agent: Agent,
    upload: VideoUploaded,
    analysis: Analysis,
    provenance: Provenance,
    *,
    now_unix_seconds: float,
) -> Signal:
    """Return the signal of an analysis. Raises ModelFault if a number in it is not finite."""
    _require_finite(agent.modality, _numbers(analysis))
    return Signal(
        signal_id=signal_id(upload.video_id, upload.revision, agent.modality, provenance.fingerprint),
        video_id=upload.video_id,
        revision=upload.revision,
        modality=agent.modality,
        status="ok",
        generation=provenance.generation,
        fingerprint=provenance.fingerprint,
        produced_unix_seconds=now_unix_seconds,
        is_present=analysis.is_present,
        labels=analysis.labels,
        features=analysis.features,
        embeddings=analysis.embeddings,
        models=provenance.models,
        receipt=analysis.receipt,
        regions=analysis.regions or UNSET,
    )


def failed_signal(
    agent: Agent,
    upload: VideoUploaded,
    failure: Failure,
    source: SourceOffset,
    provenance: Provenance,
    *,
    now_unix_seconds: float,
    receipt: Receipt = NOTHING_SPENT,
) -> Signal:
    """Return the signal of a modality that has no result, with the reason."""
    identity = signal_id(upload.video_id, upload.revision, agent.modality, provenance.fingerprint)
    return Signal(
        signal_id=failed_signal_id(identity, source),
        video_id=upload.video_id,
        revision=upload.revision,
        modality=agent.modality,
        status="failed",
        generation=provenance.generation,
        fingerprint=provenance.fingerprint,
        produced_unix_seconds=now_unix_seconds,
        failure=failure,
        receipt=receipt,
    )


def _require_finite(modality: Modality, numbers: Iterable[tuple[str, float]]) -> None:
    for name, number in numbers:
        if not math.isfinite(number):
            raise ModelFault(f"{name} of modality {modality} is {number}; a signal holds finite numbers only")


def _numbers(analysis: Analysis) -> Iterable[tuple[str, float]]:
    for label in analysis.labels:
        yield label.label, label.score
    for name, feature in analysis.features.items():
        yield from ((name, number) for number in _numbers_within(feature.value))


def _numbers_within(value: object) -> Iterable[float]:
    if isinstance(value, float):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _numbers_within(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _numbers_within(item)

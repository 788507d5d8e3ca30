"""Facts to fold: short ways to spell a signal, an acceptance, a deadline."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from schemas.codec import encode
from schemas.evidence import Embedding, Feature, LabelEvidence, Segment
from schemas.facts import Accepted, DeadlinePassed, Fact, Failure, Signal, SourceOffset
from schemas.identity import Modality
from schemas.receipts import DecodeReceipt, Receipt
from streams.record import Place, Record

VIDEO_ID = "video-1"
UPLOADED_UNIX_SECONDS = 1_700_000_000.0
BUDGET_SECONDS = 60.0
EXPECTED: tuple[Modality, ...] = ("frames", "audio", "motion", "context")
"""What the sample upload waits for; a new modality changes none of these cases."""


def accepted(revision: int = 1, *, video_id: str = VIDEO_ID, **fields: Any) -> Accepted:
    """Intake's word on a revision that waits for all modalities."""
    values: dict[str, Any] = {
        "expected": EXPECTED,
        "lane": "live",
        "market": None,
        "creator_id": "creator-1",
        "title": "A title",
        "uploaded_unix_seconds": UPLOADED_UNIX_SECONDS,
        "deadline_unix_seconds": UPLOADED_UNIX_SECONDS + BUDGET_SECONDS,
        "source": SourceOffset(topic="video.uploaded", partition=0, offset=0),
    }
    return Accepted(video_id=video_id, revision=revision, **{**values, **fields})


def accepted_now(video_id: str, expected: tuple[Modality, ...] = ("frames",)) -> Accepted:
    """The same of an upload of this moment, for real servers."""
    now = time.time()
    return accepted(
        video_id=video_id, expected=expected, uploaded_unix_seconds=now, deadline_unix_seconds=now + 600,
        creator_id=None, title="",
    )  # fmt: skip


def signal(
    modality: Modality = "frames",
    revision: int = 1,
    *,
    scores: Mapping[str, float] | None = None,
    generation: int = 1,
    video_id: str = VIDEO_ID,
    **fields: Any,
) -> Signal:
    """An ok answer; one feature and one embedding show which signal won."""
    values: dict[str, Any] = {
        "status": "ok",
        "labels": tuple(evidence(label, score) for label, score in (scores or {}).items()),
        "features": {f"{modality}.marker": feature([revision, generation])},
        "embeddings": {f"{modality}-space/3": embedding([revision, generation, 0.5])},
        "receipt": Receipt(device_seconds=1.0, cpu_seconds=2.0, decode=decode_receipt(f"decode-{revision}")),
    }
    return Signal(
        signal_id=f"{video_id}-{revision}-{modality}-{generation}",
        video_id=video_id,
        revision=revision,
        modality=modality,
        generation=generation,
        fingerprint=f"fingerprint-{generation}",
        produced_unix_seconds=UPLOADED_UNIX_SECONDS + 1.0,
        **{**values, **fields},
    )


def failed_signal(
    modality: Modality = "frames", revision: int = 1, *, generation: int = 1, video_id: str = VIDEO_ID
) -> Signal:
    """A modality's last word that it has no result."""
    return Signal(
        signal_id=f"{video_id}-{revision}-{modality}-{generation}-failed",
        video_id=video_id,
        revision=revision,
        modality=modality,
        status="failed",
        generation=generation,
        fingerprint=f"fingerprint-{generation}",
        produced_unix_seconds=UPLOADED_UNIX_SECONDS + 1.0,
        failure=Failure(cause="media-unreadable", message="the file is no video"),
    )


def absent_signal(modality: Modality = "audio", revision: int = 1) -> Signal:
    """An answer that the media has no such stream."""
    return signal(modality, revision, is_present=False, features={}, embeddings={})


def deadline(revision: int = 1, *, video_id: str = VIDEO_ID) -> DeadlinePassed:
    """The budget of a revision ran out."""
    return DeadlinePassed(
        video_id=video_id, revision=revision, deadline_unix_seconds=UPLOADED_UNIX_SECONDS + BUDGET_SECONDS
    )


def evidence(label: str, score: float, model: str = "model@1") -> LabelEvidence:
    """A label with one segment."""
    segment = Segment(start_seconds=1.0, end_seconds=2.0, score=score)
    return LabelEvidence(label=label, score=score, model=model, segments=(segment,))


def feature(value: Any) -> Feature:
    """A feature of the sample upload."""
    return Feature(value=value, event_unix_seconds=UPLOADED_UNIX_SECONDS, model="model@1")


def embedding(numbers: list[float]) -> Embedding:
    """A vector of the sample upload."""
    return Embedding.pack(numbers, space="space", model="model@1", event_unix_seconds=UPLOADED_UNIX_SECONDS)


def decode_receipt(decode_id: str, cpu_seconds: float = 3.0) -> DecodeReceipt:
    """What a decode cost."""
    return DecodeReceipt(
        decode_id=decode_id,
        cpu_seconds=cpu_seconds,
        wall_seconds=3.0,
        frames_decoded=10,
        frames_sampled=5,
        bytes_read=1000,
        audio_seconds=0.0,
        coverage_ratio=1.0,
        decode_errors=0,
        decoder="fake",
    )


def log_record(fact: Fact, offset: int, *, key: bytes | None = None) -> Record:
    """A fact as it is consumed from the log."""
    return Record(
        place=Place("video.signals", 0, offset),
        key=fact.video_id.encode() if key is None else key,
        value=encode(fact),
        headers=(),
        timestamp_unix_seconds=UPLOADED_UNIX_SECONDS,
        generation=1,
    )

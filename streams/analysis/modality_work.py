"""The media and backfill roles: each agent publishes one signal per revision, from the decode that all share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import cast

import msgspec

from operators.errors import Overloaded
from operators.inference.request_context import RequestContext
from operators.internal_errors import boundary
from operators.media.session import MediaSession
from schemas.codec import encode, event_headers, header
from schemas.errors import InvalidEvent
from schemas.evidence import JudgeAnswer, TextFound
from schemas.facts import Failure, Signal
from schemas.identity import Lane
from schemas.receipts import DecodeReceipt, Receipt
from schemas.topics import SIGNALS
from schemas.uploads import VideoUploaded
from streams.analysis.agents.analysis import Agent, Analysis
from streams.analysis.agents.decode_receipts import analysis_with_decode, ended_decode_receipt
from streams.analysis.agents.findings import Findings
from streams.analysis.agents.signals import Provenance, failed_signal, failed_signal_id, ok_signal, signal_id
from streams.analysis.engine import Engine
from streams.analysis.shared_upload import shared_upload
from streams.config.settings import Role
from streams.dead_letters.dead_letters import DeadLetters
from streams.delivery.admission import Slot
from streams.kafka.publisher import Publisher
from streams.lifecycle.clock import Clock
from streams.observability import metrics
from streams.observability.tracing import spans
from streams.record import Record
from streams.store.claims import Claims, Prior
from streams.uploads.headers import passed_on

SOURCE = "vidsignal/media"
"""CloudEvents source of this role's facts."""
_LARGEST_SIGNAL_BYTES = SIGNALS.max_message_bytes - 64 * 1024
"""Size limit of the topic, less room for headers."""


@dataclass(frozen=True, slots=True)
class MediaParts:
    """What the agents of a worker share."""

    claims: Claims
    publisher: Publisher
    dead_letters: DeadLetters
    engine: Engine
    clock: Clock
    default_deadline_seconds: float
    role: Role = "media"
    """The role whose uploads are analysed; backfill has the lower priority."""

    @property
    def lane(self) -> Lane:
        """The priority class of all their items."""
        return "backfill" if self.role == "backfill" else "live"

    def skip(self, cause: str) -> None:
        """Count an event that gets no signal here."""
        metrics.EVENTS_SKIPPED.labels(self.role, cause).inc()


class ModalityWork:
    """One agent of the role.

    Args:
        agent: of the registry.
        parts: shared with the other agents.
    """

    def __init__(self, agent: Agent, parts: MediaParts) -> None:
        self._agent = agent
        self._parts = parts

    @property
    def _provenance(self) -> Provenance:
        return self._parts.engine.provenance[self._agent.modality]

    async def run(self, record: Record, slot: Slot) -> None:
        """Publish the modality's signal: the claimed one if it exists, otherwise a new one."""
        findings = await _findings_of(slot)
        try:
            await self._run(record, slot)
        finally:
            findings.end(self._agent.modality)

    async def _run(self, record: Record, slot: Slot) -> None:
        upload = await self._read(record, slot)
        if upload is None:
            return
        await self._parts.engine.await_models(self._agent.modality)
        prior = await self._prior(upload, record)
        if prior.forgotten_revision >= upload.revision:
            self._parts.skip("forgotten")
        elif prior.claimed is not None:
            metrics.CLAIMS_REUSED.labels(self._agent.modality).inc()
            await self._publish(record, upload, msgspec.json.decode(prior.claimed, type=Signal), prior.claimed)
        elif prior.newest_revision > upload.revision:
            self._parts.skip("older-revision")
        else:
            with self._parts.engine.account.signal():
                too_large = await self._state(record, slot, upload)
            if too_large is not None:
                await self.fail(record, slot, too_large)

    async def fail(self, record: Record, slot: Slot, failure: Failure) -> None:
        """Publish that there is no result; the dead letter is written first, so a claimed failure always has one."""
        try:
            upload = await self._read(record, slot)
        except InvalidEvent as error:
            self._parts.skip(error.cause)
            if self._parts.role == "backfill":  # intake answers for events on `video.uploaded`
                await self._write_dead_letter(record, slot, failure, None)
            return
        if upload is None:
            return
        prior = await self._prior(upload, record)
        if prior.forgotten_revision >= upload.revision:
            self._parts.skip("forgotten")
            return
        with self._parts.engine.account.signal():
            await self._write_dead_letter(record, slot, failure, upload.revision)
            signal = self._failed(record, upload, failure, await self._ended_decode(slot))
            await self._claim_and_publish(record, upload, signal, encode(signal))

    async def _ended_decode(self, slot: Slot) -> DecodeReceipt | None:
        """Return the cost of the failed decode; a failed agent that needs media shares it."""
        session = await slot.known("session") if self._agent.needs_media else None
        return None if session is None else ended_decode_receipt(cast("MediaSession", session))

    async def _write_dead_letter(self, record: Record, slot: Slot, failure: Failure, revision: int | None) -> None:
        dead_letters, role = self._parts.dead_letters, self._parts.role
        await slot.once("dead-letter", lambda: dead_letters.write(record, failure, role=role, revision=revision))

    async def _read(self, record: Record, slot: Slot) -> VideoUploaded | None:
        """Return the upload; None if another role answers for the event. Raises InvalidEvent."""
        event = await shared_upload(record, slot)
        if not isinstance(event, VideoUploaded):
            return None  # intake answers for a deletion
        if self._parts.role == "media" and event.lane == "backfill":
            self._parts.skip("backfill-lane")  # intake publishes it to the backfill role's topic
            return None
        return event

    async def _prior(self, upload: VideoUploaded, record: Record) -> Prior:
        with spans.span("look up claim"), boundary("video-state"):
            return await self._parts.claims.look_up(upload.video_id, self._names(upload, record))

    def _names(self, upload: VideoUploaded, record: Record) -> tuple[str, str]:
        identity = signal_id(upload.video_id, upload.revision, self._agent.modality, self._provenance.fingerprint)
        return identity, failed_signal_id(identity, record.source)

    async def _state(self, record: Record, slot: Slot, upload: VideoUploaded) -> Failure | None:
        """Publish a new signal; return the reason if it is too large for the log."""
        with metrics.STAGE_SECONDS.labels(self._agent.modality).time():
            provenance = self._provenance
            analysis = await self._analysis(record, slot, upload)
            self._require_unchanged(provenance)
        signal = ok_signal(
            self._agent,
            upload,
            replace(analysis, receipt=self._parts.engine.account.charged(analysis.receipt)),
            provenance,
            now_unix_seconds=self._parts.clock.now_unix_seconds(),
        )
        value = encode(signal)
        if len(value) > _LARGEST_SIGNAL_BYTES:
            message = f"the signal has {len(value)} bytes; at most {_LARGEST_SIGNAL_BYTES} fit into the log"
            return Failure(cause="signal-too-large", message=message)
        await self._claim_and_publish(record, upload, signal, value, analysis.texts)
        return None

    def _require_unchanged(self, provenance: Provenance) -> None:
        """A server got another version of a model meanwhile: which one computed what is not known, so all is done
        again."""
        if provenance != self._provenance:
            raise Overloaded(f"a model of {self._agent.modality} was replaced on its server during an analysis")

    async def _analysis(self, record: Record, slot: Slot, upload: VideoUploaded) -> Analysis:
        await self._parts.engine.reach_models(self._agent.modality)
        session = await slot.once("session", lambda: self._open_session(slot, upload))
        findings, context = await _findings_of(slot), self._context(record, upload)
        work = self._parts.engine.work(upload, record.timestamp_unix_seconds, session, context, findings)
        with boundary("media"):
            analysis = await analysis_with_decode(session, self._agent, work)
        findings.end(self._agent.modality, analysis)
        if analysis.receipt.decode is not None and session.take_decode_count():
            _count_decode(analysis.receipt.decode)
        _count_chat(analysis)
        return analysis

    async def _open_session(self, slot: Slot, upload: VideoUploaded) -> MediaSession:
        """Hold the session until the last agent has left, so that no pause between agents ends it early."""
        stack = AsyncExitStack()
        slot.defer(stack.aclose)
        key = f"{upload.video_id}:{upload.revision}"
        opening = self._parts.engine.sessions.open(key, upload.source)
        return await stack.enter_async_context(opening)

    def _context(self, record: Record, upload: VideoUploaded) -> RequestContext:
        if self._parts.lane == "backfill":
            return RequestContext(upload.video_id, "backfill", math.inf)
        budget_seconds = upload.deadline_seconds or self._parts.default_deadline_seconds
        clock = self._parts.clock
        left_seconds = record.timestamp_unix_seconds + budget_seconds - clock.now_unix_seconds()
        return RequestContext(upload.video_id, "live", clock.monotonic_seconds() + left_seconds)

    def _failed(self, record: Record, upload: VideoUploaded, failure: Failure, decode: DecodeReceipt | None) -> Signal:
        return failed_signal(
            self._agent,
            upload,
            failure,
            record.source,
            self._provenance,
            now_unix_seconds=self._parts.clock.now_unix_seconds(),
            receipt=self._parts.engine.account.charged(Receipt(decode=decode)),
        )

    async def _claim_and_publish(
        self, record: Record, upload: VideoUploaded, signal: Signal, value: bytes, texts: Sequence[TextFound] = ()
    ) -> None:
        with (
            metrics.STAGE_SECONDS.labels("claim").time(),
            spans.span("claim", status=signal.status),
            boundary("video-state"),
        ):
            claims = self._parts.claims
            stored = await claims.claim(
                upload.video_id,
                signal.signal_id,
                value,
                revision=upload.revision,
                modality=self._agent.modality,
                texts=texts,
            )
        if stored is None:
            self._parts.skip("forgotten")
            return
        first = signal if stored == value else msgspec.json.decode(stored, type=Signal)  # another worker's was first
        await self._publish(record, upload, first, stored)
        metrics.SIGNALS.labels(signal.modality, signal.status).inc()

    async def _publish(self, record: Record, upload: VideoUploaded, signal: Signal, value: bytes) -> None:
        headers = event_headers(
            signal,
            event_id=signal.signal_id,
            source=SOURCE,
            now_unix_seconds=signal.produced_unix_seconds,
            traceparent=header(record.headers, "traceparent"),
            span=spans.traceparent(),
        )
        await self._parts.publisher.publish(SIGNALS, upload.video_id, value, headers=headers + passed_on(record))


async def _findings_of(slot: Slot) -> Findings:
    """Return what the event's agents share of what they found."""

    async def made() -> Findings:
        return Findings()

    return await slot.once("findings", made)


def _count_decode(receipt: DecodeReceipt) -> None:
    metrics.DECODE_CPU_SECONDS.inc(receipt.cpu_seconds)
    metrics.DECODE_COVERAGE_RATIO.observe(receipt.coverage_ratio)


def _count_chat(analysis: Analysis) -> None:
    """Count what a chat model was asked, by what came of it."""
    state = analysis.features.get("visual.caption_state")
    if state is not None:
        metrics.CAPTIONS.labels(state.value).inc()
    for label in analysis.labels:
        if isinstance(label.judgement, JudgeAnswer):
            metrics.JUDGE_ANSWERS.labels(label.judgement.asked_for, label.judgement.answer).inc()

"""The same agents, fold and policy without broker and store, for `vidsignal analyze`.

It is a developer's first step, and the upper bound against which the pipeline's throughput is measured.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from operators.errors import DeviceFault, InvalidMedia, SourceUnavailable
from operators.inference.request_context import RequestContext
from operators.internal_errors import InternalError, boundary
from operators.media.session import MediaSession
from schemas.evidence import TextFound
from schemas.facts import Accepted, Failure, Signal, SourceOffset
from schemas.identity import MODALITIES, Modality
from schemas.outcomes import Outcome
from schemas.receipts import Receipt
from schemas.uploads import VideoUploaded
from streams.analysis.agents.agent_registry import AGENTS
from streams.analysis.agents.analysis import Agent, AgentWork
from streams.analysis.agents.decode_receipts import analysis_with_decode, ended_decode_receipt
from streams.analysis.agents.findings import Findings
from streams.analysis.agents.signals import failed_signal, ok_signal
from streams.analysis.engine import Engine
from streams.decision.fold import fold
from streams.decision.outcome import FoldContext
from streams.delivery.own_faults import cause_of_unavailability
from streams.delivery.unexpected import answer_to
from streams.lifecycle.clock import Clock

OnUnexpected = Callable[[VideoUploaded, InternalError], None]
"""Called once for each unexpected error; the upload is answered in any case."""
Finding = tuple[Signal, tuple[TextFound, ...]]
"""A signal, and the texts that its agent recognised."""
NOWHERE = SourceOffset(topic="", partition=0, offset=0)
"""Source of an upload that was never in Kafka."""


@dataclass(frozen=True, slots=True)
class LocalResult:
    """What the analysis of one upload says."""

    outcome: Outcome
    texts: tuple[TextFound, ...]
    """What was said and what pictures showed in writing, in order of time; the caller keeps it or not."""


@dataclass(frozen=True, slots=True)
class _UploadParts:
    """What the agents of one upload share."""

    upload: VideoUploaded
    session: MediaSession
    work: AgentWork
    findings: Findings


class LocalAnalysis:
    """Analyses uploads, a limited number at a time.

    Args:
        engine: open; the caller closes it.
        context: policy, prices and clock of the verdicts.
        slots: maximum number of videos in flight, as in a worker.
        clock: for timestamps.
        on_unexpected: called with unexpected errors.
    """

    def __init__(
        self,
        engine: Engine,
        context: FoldContext,
        *,
        slots: int,
        clock: Clock,
        on_unexpected: OnUnexpected = lambda _upload, _error: None,
    ) -> None:
        self._on_unexpected = on_unexpected
        self._engine = engine
        self._context = context
        self._slots = asyncio.Semaphore(slots)
        self._clock = clock

    async def outcome_of(self, upload: VideoUploaded) -> Outcome:
        """Return verdict and feature record; any error results in failed modalities, never in an exception."""
        return (await self.result_of(upload)).outcome

    async def result_of(self, upload: VideoUploaded) -> LocalResult:
        """Return the outcome with the recognised texts, which no outcome contains."""
        async with self._slots:
            uploaded_unix_seconds = self._clock.now_unix_seconds()
            found = await self._signals(upload, uploaded_unix_seconds)
        outcome = self._decide(upload, uploaded_unix_seconds, [signal for signal, _ in found])
        texts = sorted((text for _, texts in found for text in texts), key=lambda text: text.start_seconds)
        return LocalResult(outcome, tuple(texts))

    async def signals_of(self, upload: VideoUploaded) -> list[Signal]:
        """Return the signal of each modality, before anything is decided; any error results in a failed one."""
        return [signal for signal, _ in await self.findings_of(upload)]

    async def findings_of(self, upload: VideoUploaded, modalities: Collection[Modality] = MODALITIES) -> list[Finding]:
        """Return the same with the texts that each modality recognised, of some modalities alone if asked for."""
        async with self._slots:
            return await self._signals(upload, self._clock.now_unix_seconds(), modalities)

    async def _signals(
        self, upload: VideoUploaded, uploaded_unix_seconds: float, modalities: Collection[Modality] = MODALITIES
    ) -> list[Finding]:
        key = f"{upload.video_id}:{upload.revision}"
        context, findings = RequestContext(upload.video_id, upload.lane, math.inf), Findings()
        async with self._engine.sessions.open(key, upload.source) as session:
            work = self._engine.work(upload, uploaded_unix_seconds, session, context, findings)
            shared = _UploadParts(upload, session, work, findings)
            for modality in AGENTS.keys() - set(modalities):
                findings.end(modality)
            asked = [agent for modality, agent in AGENTS.items() if modality in modalities]
            return await asyncio.gather(*(self._told(agent, shared) for agent in asked))

    async def _told(self, agent: Agent, shared: _UploadParts) -> Finding:
        try:
            return await self._signal(agent, shared)
        finally:
            shared.findings.end(agent.modality)

    async def _signal(self, agent: Agent, shared: _UploadParts) -> Finding:
        upload, session = shared.upload, shared.session
        provenance = self._engine.provenance[agent.modality]
        with self._engine.account.signal():
            try:
                with boundary("work"):
                    analysis = await analysis_with_decode(session, agent, shared.work)
                    shared.findings.end(agent.modality, analysis)
                    analysis = replace(analysis, receipt=self._engine.account.charged(analysis.receipt))
            except (InvalidMedia, SourceUnavailable, DeviceFault, InternalError) as error:
                if isinstance(error, InternalError) and error.take_report():
                    self._on_unexpected(upload, error)
                return self._failed(agent, upload, session, _failure_of(error)), ()
            now = self._clock.now_unix_seconds()
            return ok_signal(agent, upload, analysis, provenance, now_unix_seconds=now), analysis.texts

    def _failed(self, agent: Agent, upload: VideoUploaded, session: MediaSession, failure: Failure) -> Signal:
        decode = ended_decode_receipt(session) if agent.needs_media else None
        receipt = self._engine.account.charged(Receipt(decode=decode))
        provenance, now = self._engine.provenance[agent.modality], self._clock.now_unix_seconds()
        return failed_signal(agent, upload, failure, NOWHERE, provenance, now_unix_seconds=now, receipt=receipt)

    def _decide(self, upload: VideoUploaded, uploaded_unix_seconds: float, signals: list[Signal]) -> Outcome:
        context = replace(self._context, now_unix_seconds=self._clock.now_unix_seconds())
        accepted = Accepted(
            video_id=upload.video_id,
            revision=upload.revision,
            expected=MODALITIES,
            lane=upload.lane,
            market=upload.market,
            creator_id=upload.creator_id,
            title=upload.title[:200],
            uploaded_unix_seconds=uploaded_unix_seconds,
            deadline_unix_seconds=uploaded_unix_seconds + (upload.deadline_seconds or 0.0),
            source=NOWHERE,
        )
        folded = fold(None, accepted, 0, context)
        for offset, signal in enumerate(signals, start=1):
            folded = fold(folded.state, signal, offset, context)
        if folded.outcome is None:
            raise RuntimeError(f"all modalities of {upload.video_id} answered, and there is no outcome")
        return folded.outcome


def _failure_of(error: InvalidMedia | SourceUnavailable | DeviceFault | InternalError) -> Failure:
    match error:
        case InvalidMedia():
            return Failure(cause=error.cause, message=error.message)
        case InternalError():
            return answer_to(error)
        case SourceUnavailable():
            return Failure(cause=cause_of_unavailability(error), message=str(error))
        case _:
            return Failure(cause="device-fault", message=str(error))

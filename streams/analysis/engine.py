"""The engine of a process: models on their device, decoder processes and host threads, shared by all agents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from models.card import Card
from models.card_registry import cards_of_modality
from models.text_pieces import TextPieces
from models.text_reading import TextReaders
from operators.class_names import ClassNames
from operators.context.text_models import TextModels
from operators.inference.inference import Inference
from operators.inference.observer import InferenceObserver, SilentInferenceObserver
from operators.inference.request_context import RequestContext
from operators.media.decoder_client import DECODER_COMMAND
from operators.media.plan import PlanPolicy
from operators.media.pool import DecodeObserver, SilentDecodeObserver
from operators.media.session import MediaSession
from operators.media.shared_sessions import MediaSessions
from operators.tracing import SILENT_TRACER, Tracer
from schemas.identity import Modality
from schemas.uploads import VideoUploaded
from streams.analysis.agents.analysis import AgentWork, ChatParts, HostThreads, SpeechParts
from streams.analysis.agents.findings import Findings
from streams.analysis.agents.host_threads import ThreadedHost
from streams.analysis.agents.quiet_host import QuietHost
from streams.analysis.agents.signals import Provenance
from streams.analysis.prototype_vectors import AwaitedPrototypes
from streams.analysis.provenance import LiveProvenance, models_on_devices, reads_text
from streams.analysis.source_health import WatchedOpener
from streams.config.settings import Settings
from streams.costs.cpu_account import CpuAccount, CpuObserver, SilentCpuObserver
from streams.delivery.breaker import Breakers
from streams.delivery.live_priority_gate import LivePriorityGate

InferenceObserverFactory = Callable[[str], InferenceObserver]
"""Creates an observer from the name of the device."""

PLAN_POLICY = PlanPolicy()
"""Sampling of this release; part of every fingerprint."""


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Replacements for the usual parts; tests inject faults here."""

    decode_observer: DecodeObserver = field(default_factory=SilentDecodeObserver)
    inference_observer: InferenceObserverFactory = field(default=lambda _device: SilentInferenceObserver())
    cpu_observer: CpuObserver = field(default_factory=SilentCpuObserver)
    tracer: Tracer = SILENT_TRACER
    decoder_command: tuple[str, ...] = DECODER_COMMAND
    plan_policy: PlanPolicy = PLAN_POLICY
    parent_id: int | None = None
    """The parent process that was started, see `streams.lifecycle.parent`."""
    load_module: Callable[[Card, Settings], Any] | None = None
    """Builds modules that are not from the registry; they are compiled at each start, and never cached."""


@dataclass(frozen=True, slots=True)
class BackfillParts:
    """What the backfill role does not share with the media role of the same process, so that neither waits for it."""

    sessions: MediaSessions
    """Sessions with their own decoder process at the lowest priority; it starts with the first video."""
    host: ThreadedHost


@dataclass(frozen=True, slots=True)
class Engine:
    """All open heavy resources. Created by `streams.analysis.engine_opening.open_engine`, closed by `close`."""

    device: str
    sessions: MediaSessions
    media: WatchedOpener
    breakers: Breakers
    inference: Inference
    host: HostThreads
    text: TextModels
    class_names: ClassNames
    cards: Mapping[str, Card]
    """All models that run, by name."""
    prototypes: AwaitedPrototypes | None
    """Examples that texts are compared with; None for modules that are not from the registry."""
    readers: TextReaders | None
    """Models that read text in pictures; None if the settings switch them off, or for modules that are not from the
    registry."""
    pieces: Mapping[str, TextPieces]
    """How added models of text read one, by name of the model."""
    backfill: BackfillParts
    speech: SpeechParts | None
    """How speech is transcribed; None if it is not."""
    chat: ChatParts | None
    """How a chat model is asked about videos; None if it is not."""
    account: CpuAccount
    """Account of the whole process."""
    _provenance: LiveProvenance
    _open_parts: AsyncExitStack

    @property
    def provenance(self) -> Mapping[Modality, Provenance]:
        """The origin of each modality's results, as of now."""
        return self._provenance()

    async def await_models(self, modality: Modality) -> None:
        """Return when the provenance of a modality is known: the servers of its models have answered once.

        Raises:
            ServerUnavailable, Overloaded: one has not; an event that needs it waits.
        """
        await self.inference.open_waiting(models_on_devices(modality, self.cards))
        if self.prototypes is not None and reads_text(modality):
            await self.prototypes.open()

    async def reach_models(self, modality: Modality) -> None:
        """Return when the models of a modality's own can be used, before anything is decoded for them in vain.

        Raises:
            ServerUnavailable, Overloaded: a server does not answer, or has another model.
        """
        own = cards_of_modality(modality, self.cards)
        await self.inference.reach(card.name for card in own if card.batch_sizes)

    def work(
        self,
        upload: VideoUploaded,
        event_unix_seconds: float,
        session: MediaSession,
        context: RequestContext,
        findings: Findings | None = None,
    ) -> AgentWork:
        """Return what an agent gets for one upload."""
        return AgentWork(
            upload=upload,
            event_unix_seconds=event_unix_seconds,
            session=session,
            inference=self.inference,
            context=context,
            host=self.host,
            text=self.text,
            class_names=self.class_names,
            cards=self.cards,
            prototypes=self.prototypes,
            readers=self.readers,
            pieces=self.pieces,
            speech=self.speech,
            chat=self.chat,
            findings=findings,
        )

    def behind(self, gate: LivePriorityGate) -> Engine:
        """Return the same engine for the backfill role; closing this engine closes it."""
        speech = self.speech and replace(self.speech, host=QuietHost(self.speech.host, gate))
        return replace(self, sessions=self.backfill.sessions, host=QuietHost(self.backfill.host, gate), speech=speech)

    async def close(self) -> None:
        """Close decoders, device and threads, in the reverse order of their start."""
        await self._open_parts.aclose()

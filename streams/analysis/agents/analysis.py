"""Input and output of an agent."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

from models.card import Card
from models.card_registry import CARDS
from models.text_pieces import TextPieces
from models.text_reading import TextReaders
from models.whisper import MODE
from operators.audio.speech.recogniser import Recogniser
from operators.captions.selection import CaptionedVideos
from operators.class_names import ClassNames
from operators.context.prototype_scorer import ComparesTexts
from operators.context.text_models import TextModels
from operators.inference.inference import Inference
from operators.inference.remote.chat_client import ChatAnswer, Question
from operators.inference.request_context import RequestContext
from operators.media.session import MediaSession
from schemas.evidence import Embedding, Feature, LabelEvidence, Region, TextFound
from schemas.identity import Modality
from schemas.receipts import Receipt
from schemas.uploads import VideoUploaded
from streams.decision.policy import Policy

Result = TypeVar("Result")

DECISION_SECONDS: Final = 3.0
"""What is left of a deadline for publishing the signal and deciding: a chat model gets the time before that."""

BACKFILL_TIMEOUT_FACTOR: Final = 10
"""Factor on that time for backfill, which waits for live videos."""


class HostThreads(Protocol):
    """Runs short blocking work of operators outside the event loop."""

    async def run(self, work: Callable[[], Result]) -> tuple[Result, float]:
        """Return the result and the CPU seconds that it took."""
        ...


@dataclass(frozen=True, slots=True)
class SpeechParts:
    """What the audio agent needs for speech."""

    recogniser: Recogniser
    host: HostThreads
    """A thread of its own: a transcript takes seconds, and one model is used by one thread at a time."""
    ratio: float
    """Share of the videos that are transcribed; those with a suspicious title or sound are in addition."""
    budget_seconds: float
    """Most seconds of sound of one video."""
    mode: str = MODE
    """Engine and precision of the models."""
    is_batched: bool = False
    """Whether windows of several videos are encoded in one batch, by the batchers of the models; otherwise the
    recogniser encodes each by itself."""


class ChatAsker(Protocol):
    """Asks a chat model."""

    async def ask(self, question: Question, seconds: float) -> ChatAnswer:
        """Return the answer.

        Raises:
            TimeoutError: the time is over before the question can be sent.
            ModelFault, Overloaded, ServerUnavailable: see `ChatClient.ask`.
        """
        ...


@dataclass(frozen=True, slots=True)
class ChatParts:
    """What the frames agent needs to ask a chat model about a video."""

    asker: ChatAsker
    model: str
    """Its name on the server."""
    captions_ratio: float
    """Share of the videos that get a caption; 0: none."""
    captioned_videos: CaptionedVideos = "all"
    num_pictures: int = 4
    """Most pictures of one video."""
    policy: Policy | None = None
    """With the judge that asks about labels; None: none does."""
    timeout_seconds: float = 20.0
    """Most time for all that is asked of one video, waiting for other agents included."""
    clock: Callable[[], float] = time.monotonic
    """Of `RequestContext.due_seconds`."""

    def time_limit(self, context: RequestContext) -> Callable[[], float]:
        """Return a function that returns the seconds that are left from now on: within the limit, and before the
        video's deadline."""
        factor = BACKFILL_TIMEOUT_FACTOR if context.lane == "backfill" else 1
        end_seconds = min(self.clock() + factor * self.timeout_seconds, context.due_seconds - DECISION_SECONDS)
        return lambda: end_seconds - self.clock()


@dataclass(frozen=True, slots=True)
class AgentWork:
    """One upload for one agent."""

    upload: VideoUploaded
    event_unix_seconds: float
    """The broker's timestamp of the upload, which is the event time of every feature."""
    session: MediaSession
    inference: Inference
    context: RequestContext
    host: HostThreads
    text: TextModels
    """Text models and tokenizers that run on the host."""
    class_names: ClassNames
    """Class names of the classifiers."""
    cards: Mapping[str, Card] = field(default_factory=lambda: CARDS)
    """All models that run, by name."""
    prototypes: ComparesTexts | None = None
    """Examples of abuse that texts are compared with; None: no comparison."""
    readers: TextReaders | None = None
    """Models that read text in pictures; None: no text is read."""
    pieces: Mapping[str, TextPieces] = field(default_factory=dict)
    """How added models of text read one, by name of the model."""
    speech: SpeechParts | None = None
    """How speech is transcribed; None: it is not."""
    chat: ChatParts | None = None
    """How a chat model is asked about videos; None: it is not."""
    findings: UploadFindings | None = None
    """What the other agents of the upload find; None: nobody tells."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What one modality found in one upload."""

    is_present: bool = True
    """False if the media has no such stream."""
    labels: tuple[LabelEvidence, ...] = ()
    features: dict[str, Feature] = field(default_factory=dict)
    embeddings: dict[str, Embedding] = field(default_factory=dict)
    regions: tuple[Region, ...] = ()
    texts: tuple[TextFound, ...] = ()
    receipt: Receipt = field(default_factory=Receipt)


class UploadFindings(Protocol):
    """Tells what the other agents of an upload find."""

    async def of(self, modality: Modality, seconds: float) -> Analysis | None:
        """Return what an agent found; None if it found nothing, or did not end within the time."""
        ...


@dataclass(frozen=True, slots=True)
class Agent:
    """A modality's entry in the registry of agents."""

    modality: Modality
    analyse: Callable[[AgentWork], Awaitable[Analysis]]
    code_version: int
    """Raised with every change of the agent or its operators that changes results."""
    needs_media: bool = True
    """False if it uses the event only; then nothing is decoded for it and no decode is on its receipts."""

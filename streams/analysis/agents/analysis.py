"""Input and output of an agent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from models.card import Card
from models.card_registry import CARDS
from models.text_pieces import TextPieces
from models.text_reading import TextReaders
from operators.audio.speech.recogniser import Recogniser
from operators.class_names import ClassNames
from operators.context.prototype_scorer import PrototypeScorer
from operators.context.text_models import TextModels
from operators.inference.inference import Inference
from operators.inference.request_context import RequestContext
from operators.media.session import MediaSession
from schemas.evidence import Embedding, Feature, LabelEvidence, Region, TextFound
from schemas.identity import Modality
from schemas.receipts import Receipt
from schemas.uploads import VideoUploaded

Result = TypeVar("Result")


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
    prototypes: PrototypeScorer | None = None
    """Examples of abuse that texts are compared with; None: no comparison."""
    readers: TextReaders | None = None
    """Models that read text in pictures; None: no text is read."""
    pieces: Mapping[str, TextPieces] = field(default_factory=dict)
    """How added models of text read one, by name of the model."""
    speech: SpeechParts | None = None
    """How speech is transcribed; None: it is not."""


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


@dataclass(frozen=True, slots=True)
class Agent:
    """A modality's entry in the registry of agents."""

    modality: Modality
    analyse: Callable[[AgentWork], Awaitable[Analysis]]
    code_version: int
    """Raised with every change of the agent or its operators that changes results."""
    needs_media: bool = True
    """False if it uses the event only; then nothing is decoded for it and no decode is on its receipts."""

"""A session, models and a host that behave, so that agents run without decoder, device and threads."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from models.card_registry import CARDS
from models.language_id import Language
from models.profanity import Profanity
from operators.audio.speech.packing import SpeechWindow
from operators.audio.speech.recogniser import ANY_MODEL, ENGLISH_MODEL, SpokenWindow, Transcript
from operators.audio.speech.utterances import Utterance
from operators.class_names import ClassNames
from operators.context.lexicon import Lexicon
from operators.context.text_models import TextModels
from operators.inference.loaded_model import ServerUsage
from operators.inference.remote.chat_client import ChatAnswer, Question
from operators.inference.request_context import ModelOutput, RequestContext
from operators.media.index import AudioStreamIndex, MediaIndex, UnseenTrack, VideoStreamIndex
from operators.media.neighbours import NOBODY, Neighbourhood
from operators.media.receipt import DecodeUsage
from operators.media.tracks import AudioSpan, AudioTrack, MotionSpan, MotionTrack, SampledFrame, TextPicture
from schemas.receipts import Seen
from schemas.uploads import FileSource, VideoUploaded
from streams.analysis.agents.analysis import AgentWork, ChatParts, SpeechParts

Result = TypeVar("Result")

EVENT_UNIX_SECONDS = 1_700_000_000.0
HOST_CPU_SECONDS = 0.002
DEVICE_SECONDS = 0.01
DURATION_SECONDS = 4.0
SPEECH_CPU_SECONDS = 1.5
SHARES = Seen(planned_ratio=1.0, achieved_ratio=0.95, length_ratio=1.0, intact_ratio=0.98, num_packets=100)
"""What the decode says of each modality that it has."""

_UNMEASURED = [source.output_label for source in CARDS["efficientnet-lite0"].labels if not source.is_measured]
_KNOWN_NAMES = ("assault rifle", "revolver", "rifle", "cat", *_UNMEASURED)
IMAGE_NAMES = (*_KNOWN_NAMES, *(f"class {index}" for index in range(len(_KNOWN_NAMES), 1000)))
SOUND_NAMES = tuple(
    {
        0: "Speech",
        1: "Singing",
        132: "Music",
        276: "Scary music",
        300: "Gunshot, gunfire",
        301: "Machine gun",
        302: "Fusillade",
        303: "Artillery fire",
        304: "Explosion",
        305: "Screaming",
        306: "Groan",
        307: "Yell",
        308: "Wail, moan",
        311: "Siren",
        312: "Civil defense siren",
        313: "Police car (siren)",
        314: "Ambulance (siren)",
        315: "Fire engine, fire truck (siren)",
        494: "Silence",
    }.get(index, f"sound {index}")
    for index in range(521)
)


@dataclass
class FakeSession:
    """A decode that yields what it is given."""

    frame_list: Sequence[SampledFrame] = ()
    motion_track: MotionTrack | None = None
    audio_track: AudioTrack | None = None
    failure: Exception | None = None
    """Raised by every question, after the frames by `frames`."""
    before_frame: Callable[[int], Any] = lambda _number: asyncio.sleep(0)
    """Awaited before each frame."""
    touched: bool = False
    unseen: tuple[UnseenTrack, ...] = ()
    """Tracks that the media holds next to those above."""
    around: Neighbourhood = NOBODY
    """What a second look brings."""
    looked_around: list[list[float]] = field(default_factory=list)
    """What second looks were asked for."""
    pictures: Neighbourhood = NOBODY
    """What a decode for clips brings."""
    wanted_pictures: list[list[tuple[float, ...]]] = field(default_factory=list)
    """What such decodes were asked for."""
    num_packets: int = 100
    text_pictures_found: tuple[TextPicture, ...] = ()
    """Pictures in which text is looked for."""

    async def index(self) -> MediaIndex:
        self._touch()
        video = VideoStreamIndex(
            codec="h264",
            width=640,
            height=360,
            pixel_aspect=1.0,
            frame_rate_hz=25.0,
            start_seconds=0.0,
            duration_seconds=4.0,
            num_packets=self.num_packets,
            keyframe_seconds=(0.0,),
            is_listed=True,
            is_complete=True,
        )
        audio = AudioStreamIndex("aac", 2, 0.0, DURATION_SECONDS)
        return MediaIndex(
            container="mp4",
            size_bytes=1000,
            duration_seconds=DURATION_SECONDS,
            claimed_duration_seconds=DURATION_SECONDS,
            origin_seconds=0.0,
            video=video if self.frame_list else None,
            audio=audio if self.audio_track else None,
            unseen=self.unseen,
        )

    async def frames(self) -> AsyncIterator[SampledFrame]:
        self.touched = True
        for number, frame in enumerate(self.frame_list):
            await self.before_frame(number)
            yield frame
        if self.failure is not None:
            raise self.failure

    async def look_around(self, seconds: Sequence[float]) -> Neighbourhood:
        self.looked_around.append(list(seconds))
        return self.around

    async def pictures_at(self, groups: Sequence[Sequence[float]]) -> Neighbourhood:
        self.wanted_pictures.append([tuple(group) for group in groups])
        return self.pictures

    async def text_pictures(self) -> tuple[TextPicture, ...]:
        self._touch()
        return self.text_pictures_found

    async def motion(self) -> MotionTrack | None:
        self._touch()
        return self.motion_track

    async def audio(self) -> AudioTrack | None:
        self._touch()
        return self.audio_track

    async def receipt(self) -> DecodeUsage:
        self._touch()
        return DecodeUsage(
            cpu_seconds=0.1,
            wall_seconds=0.2,
            bytes_read=1000,
            frames_decoded=100,
            frames_sampled=len(self.frame_list),
            motion_frames=0,
            audio_seconds=4.0,
            decode_errors=0,
            decoder="fake",
            coverage_ratio=0.75,
            video=SHARES if self.frame_list or self.motion_track else None,
            audio=SHARES if self.audio_track else None,
        )

    def _touch(self) -> None:
        self.touched = True
        if self.failure is not None and not self.frame_list:
            raise self.failure


@dataclass
class FakeBatcher:
    """Answers every item with what `answer` makes of it."""

    answer: Callable[[np.ndarray], tuple[np.ndarray, ...]]
    items: list[np.ndarray] = field(default_factory=list)

    async def submit(self, item: np.ndarray, context: RequestContext) -> ModelOutput:
        self.items.append(item)
        await asyncio.sleep(0)
        return ModelOutput(self.answer(item), DEVICE_SECONDS, batch_items=8, batch_videos=2)

    async def submit_many(self, items: Sequence[np.ndarray], context: RequestContext) -> list[ModelOutput]:
        return [await self.submit(item, context) for item in items]


def constant(model: str, **rows: dict[int, float]) -> FakeBatcher:
    """A model that says the same of every item; unnamed numbers are 0, embeddings are ones."""
    sizes = {"probabilities": (1000,), "embedding": None, "nsfw": (), "scores": None, "speech": (128,)}
    widths = {"efficientnet-lite0": 1280, "yamnet": 1024, "all-minilm-l6-v2": 384}
    score_sizes = {"yamnet": (521,), "toxicity": (6,)}
    values = []
    if (found := CARDS[model].boxes) is not None:
        nothing = (np.zeros((4, 4), np.float32), np.zeros((4, len(found.classes)), np.float32))
        return FakeBatcher(lambda _item: nothing)
    for output in CARDS[model].outputs:
        shape = (widths[model],) if output == "embedding" else sizes[output] or score_sizes.get(model, ())
        array = np.full(shape, 1.0 if output == "embedding" else 0.0, np.float32)
        for place, number in rows.get(output, {}).items():
            array[place if shape else ()] = number
        values.append(array)
    return FakeBatcher(lambda _item: tuple(values))


@dataclass
class FakeInference:
    """Batchers by model name."""

    batchers: dict[str, FakeBatcher]

    def batcher(self, model: str) -> FakeBatcher:
        return self.batchers[model]


@dataclass
class FakeRecogniser:
    """Hears the same words in every window."""

    words: tuple[str, ...] = ("A cat is on my bike.",)
    language: str = "en"
    asked: list[tuple[Sequence[SpeechWindow], bool]] = field(default_factory=list)
    decoded: list[tuple[str, Sequence[np.ndarray]]] = field(default_factory=list)
    """Models whose encoders ran in batches, and what these said."""
    english_score: float = 0.75
    """How sure the English model is."""

    def decode(self, model: str, windows: Sequence[SpeechWindow], encoded: Sequence[np.ndarray]) -> Transcript:
        self.decoded.append((model, encoded))
        score = self.english_score if model == ENGLISH_MODEL else 0.75
        said = tuple(Utterance(float(place), place + 1.0, words, score) for place, words in enumerate(self.words))
        spoken = SpokenWindow(model, self.language, 0.9, said)
        return Transcript(tuple(spoken for _ in windows), {model: SPEECH_CPU_SECONDS})

    def transcribe(self, windows: Sequence[SpeechWindow], *, is_english: bool) -> Transcript:
        self.asked.append((windows, is_english))
        said = tuple(Utterance(float(place), place + 1.0, words, 0.75) for place, words in enumerate(self.words))
        spoken = SpokenWindow(ANY_MODEL, self.language, 0.9, said) if said else None
        return Transcript(tuple(spoken for _ in windows), {ANY_MODEL: SPEECH_CPU_SECONDS})


def speech_parts(
    recogniser: FakeRecogniser | None = None, ratio: float = 1.0, *, is_batched: bool = False
) -> SpeechParts:
    """Parts that transcribe a share of the videos."""
    return SpeechParts(recogniser or FakeRecogniser(), ImmediateHost(), ratio, 30.0, is_batched=is_batched)


@dataclass
class FakeAsker:
    """A chat model that writes the same caption of every video."""

    caption: str = '{"title": "A cat", "caption": "A cat on a bike.", "hashtags": ["cat"]}'

    async def ask(self, question: Question, seconds: float) -> ChatAnswer:
        return ChatAnswer(self.caption, "stop", ServerUsage("127.0.0.1:1", 0.5, 100, 20))


def chat_parts() -> ChatParts:
    """Parts that ask for a caption of every video."""
    return ChatParts(FakeAsker(), "fake-vlm", 1.0, clock=lambda: 0.0)


def speaking() -> FakeBatcher:
    """A detector of voices that hears one all the time."""
    return FakeBatcher(lambda item: (np.ones(len(item) // 512, np.float32),))


class ImmediateHost:
    """Runs work where it stands and calls every piece equally dear."""

    async def run(self, work: Callable[[], Result]) -> tuple[Result, float]:
        return work(), HOST_CPU_SECONDS


class FakeTokens:
    """One item a text."""

    def encode(self, text: str) -> np.ndarray:
        return np.full(128, len(text), np.int64)

    def encode_all(self, text: str) -> tuple[np.ndarray, ...]:
        return (np.full(100, len(text), np.int64),)


def text_models(language: str = "en") -> TextModels:
    """Text models that find one language everywhere and are undecided about profanity."""
    profanity = Profanity({}, np.zeros(0), np.zeros((1, 0)), np.zeros(1), np.zeros(1), np.zeros(1))
    return TextModels(
        language=lambda _text: Language(language, 0.9),  # type: ignore[arg-type]
        profanity=profanity,
        toxicity_tokens=FakeTokens(),  # type: ignore[arg-type]
        sentence_tokens=FakeTokens(),  # type: ignore[arg-type]
        lexicon=Lexicon({}, {}, frozenset(), {}, re.compile("(?!)")),
    )


def work_of(
    session: FakeSession,
    *,
    language: str = "en",
    title: str = "",
    hashtags: tuple[str, ...] = (),
    **batchers: FakeBatcher,
) -> AgentWork:
    """Work on one upload; models not given answer with nothing. Names are written with `_` for `-`."""
    known = {name: constant(name) for name, card in CARDS.items() if card.batch_sizes}
    given = {name.replace("_", "-"): batcher for name, batcher in batchers.items()}
    return AgentWork(
        upload=VideoUploaded(video_id="v", source=FileSource(path="/v.mp4"), title=title, hashtags=hashtags),
        event_unix_seconds=EVENT_UNIX_SECONDS,
        session=session,  # type: ignore[arg-type]
        inference=FakeInference({**known, **given}),  # type: ignore[arg-type]
        context=RequestContext("v", "live", 60.0),
        host=ImmediateHost(),
        text=text_models(language),
        class_names=ClassNames(IMAGE_NAMES, SOUND_NAMES),
    )


def frames(number: int) -> list[SampledFrame]:
    """Frames of noise, one a second from half a second on."""
    noise = np.random.default_rng(1)
    return [SampledFrame(0.5 + n, noise.integers(0, 256, (256, 455, 3), dtype=np.uint8)) for n in range(number)]


def motion_track(num_frames: int = 48, shift_px: int = 0) -> MotionTrack:
    """A cut in the middle of pictures at 12 a second, which move by so much a frame."""
    noise = np.random.default_rng(1)
    scenes = [noise.integers(0, 256, (90, 160), dtype=np.uint8) for _ in range(2)]
    luma = [np.roll(scenes[index >= num_frames // 2], index * shift_px, axis=1) for index in range(num_frames)]
    return MotionTrack(np.arange(num_frames) / 12.0, np.stack(luma), (MotionSpan(0, num_frames),))


def audio_track(seconds: float = 4.0) -> AudioTrack:
    """A hum."""
    num_samples = round(16_000 * seconds)
    hum = (0.1 * np.sin(np.arange(3 * num_samples) / 50)).astype(np.float32)
    return AudioTrack(hum[::3].copy(), np.repeat(hum[:, None], 2, axis=1), (AudioSpan(0.0, 0, num_samples),))

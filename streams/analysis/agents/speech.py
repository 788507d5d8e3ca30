"""Speech: what is said in a video, and what the models of text say of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np

from operators.audio.speech.packing import MIN_SPEECH_SECONDS, SpeechWindow, speech_windows
from operators.audio.speech.recogniser import SpokenWindow, Transcript, is_trusted, models_in_turn, spectrogram_of
from operators.audio.speech.selection import is_suspicious
from operators.context.recognised_abuse import recognised_abuse
from operators.context.recognised_labels import SPOKEN_ABUSE
from operators.context.recognised_text import read_recognised
from operators.context.text_analysis import TextAnalysis, read_text
from operators.context.text_embedding import text_embedding
from operators.drawn_videos import is_drawn
from operators.label_evidence import model_name
from operators.media.tracks import AudioTrack
from operators.segments import TimeSpan
from schemas.evidence import Embedding, Feature, LabelEvidence, TextFound
from streams.analysis.agents.agent_usage import AgentUsage
from streams.analysis.agents.analysis import AgentWork, SpeechParts
from streams.analysis.agents.described import embedding_of, features_of
from streams.analysis.agents.text_judging import MEANING, judged_text

Spoken = tuple[SpokenWindow | None, ...]
"""For each window; None where nothing can be trusted."""

_SPEECH: Final = "speech@1"
_SCORE_DECIMALS: Final = 6
_TIME_DECIMALS: Final = 2
SPEECH_SPACE: Final = f"{MEANING.embedding_space}".replace(MEANING.name, f"{MEANING.name}-speech")
"""Of what is said; in the form `name/dimensions`, like all spaces."""


@dataclass(frozen=True, slots=True)
class HeardSpeech:
    """What is said in one video; nothing if it is not transcribed."""

    labels: tuple[LabelEvidence, ...] = ()
    features: dict[str, Feature] = field(default_factory=dict)
    embeddings: dict[str, Embedding] = field(default_factory=dict)
    texts: tuple[TextFound, ...] = ()


async def heard_speech(
    work: AgentWork,
    tally: AgentUsage,
    track: AudioTrack,
    segments: Sequence[TimeSpan],
    sound: Sequence[LabelEvidence],
) -> HeardSpeech:
    """Transcribe the speech of a video, if it is one of those that are transcribed, and judge it as text.

    Raises:
        DeviceFault, Overloaded: see `Batcher.submit`.
    """
    if work.speech is None or _length_seconds(segments) < MIN_SPEECH_SECONDS:
        return HeardSpeech()
    upload = await tally.on_host(partial(read_text, work.upload, work.text))
    if not is_drawn("speech", work.upload.video_id, work.speech.ratio) and not is_suspicious(upload, sound):
        return HeardSpeech()
    budget_seconds = work.speech.budget_seconds
    windows = await tally.on_host(partial(speech_windows, track, segments, work.upload.video_id, budget_seconds))
    transcribe = _in_batches if work.speech.is_batched else _one_by_one
    spoken = await transcribe(work, work.speech, tally, windows, is_english=_is_english(upload))
    texts = tuple(_texts(work, windows, spoken))
    features = _features(work, windows, segments, spoken)
    return await _judged(work, tally, texts, features) if texts else HeardSpeech(features=features)


async def _one_by_one(
    work: AgentWork, speech: SpeechParts, tally: AgentUsage, windows: Sequence[SpeechWindow], *, is_english: bool
) -> Spoken:
    del work
    return await _counted(speech, tally, partial(speech.recogniser.transcribe, windows, is_english=is_english))


async def _in_batches(
    work: AgentWork, speech: SpeechParts, tally: AgentUsage, windows: Sequence[SpeechWindow], *, is_english: bool
) -> Spoken:
    """Encode on the device, together with windows of other videos; the search for words is each video's own."""
    spectrograms = await tally.on_host(lambda: [spectrogram_of(window) for window in windows])
    found: dict[int, SpokenWindow | None] = {}
    for model in models_in_turn(is_english=is_english):
        places = [place for place in range(len(windows)) if not is_trusted(found.get(place))]
        if not places:
            break
        outputs = await work.inference.batcher(model).submit_many([spectrograms[at] for at in places], work.context)
        tally.add(outputs)
        encoded = [output.values[0] for output in outputs]
        decode = partial(speech.recogniser.decode, model, [windows[at] for at in places], encoded)
        found |= dict(zip(places, await _counted(speech, tally, decode), strict=True))
    return tuple(found.get(place) for place in range(len(windows)))


async def _counted(speech: SpeechParts, tally: AgentUsage, work: Callable[[], Transcript]) -> Spoken:
    transcript, _ = await speech.host.run(work)
    tally.spend_on_models(transcript.cpu_seconds, speech.mode)
    return transcript.windows


async def _judged(
    work: AgentWork, tally: AgentUsage, texts: tuple[TextFound, ...], features: dict[str, Feature]
) -> HeardSpeech:
    read = await tally.on_host(partial(read_recognised, "speech", texts, work.text))
    judged = await judged_text(work, tally, read.analysis, read.times)
    words = features_of(work, _SPEECH, {"audio.num_spoken_words": read.analysis.num_words})
    labels = recognised_abuse(judged.labels, SPOKEN_ABUSE)
    return HeardSpeech(labels, features | words, _embedding(work, judged.vector), texts)


def _is_english(upload: TextAnalysis) -> bool:
    return upload.language is not None and upload.language.code == "en"


def _texts(
    work: AgentWork, windows: Sequence[SpeechWindow], spoken: Sequence[SpokenWindow | None]
) -> Iterator[TextFound]:
    heard = [(window, said) for window, said in zip(windows, spoken, strict=True) if said is not None]
    for window, said in heard:
        for utterance in said.utterances:
            span = window.span(utterance.start_seconds, utterance.end_seconds)
            yield TextFound(
                model=model_name(work.cards[said.model]),
                text=utterance.text,
                score=round(utterance.score, _SCORE_DECIMALS),
                start_seconds=round(span.start_seconds, _TIME_DECIMALS),
                end_seconds=round(span.end_seconds, _TIME_DECIMALS),
                language=said.language,
            )


def _features(
    work: AgentWork,
    windows: Sequence[SpeechWindow],
    segments: Sequence[TimeSpan],
    spoken: Sequence[SpokenWindow | None],
) -> dict[str, Feature]:
    said = [window for window in spoken if window is not None]
    heard_seconds = sum(window.length_seconds for window in windows)
    values: dict[str, object] = {
        "audio.transcribed_ratio": min(heard_seconds / _length_seconds(segments), 1.0),
        "audio.spoken_language": said[0].language if said else None,
        "audio.spoken_language_score": said[0].language_probability if said else None,
    }
    return features_of(work, _SPEECH, values)


def _embedding(work: AgentWork, whole: np.ndarray) -> dict[str, Embedding]:
    """Return the vector in a space of its own: a title and a talk are not alike because both are texts."""
    vector = text_embedding(whole)
    return {} if vector is None else embedding_of(work, MEANING, vector.tolist(), SPEECH_SPACE)


def _length_seconds(segments: Sequence[TimeSpan]) -> float:
    return sum(segment.end_seconds - segment.start_seconds for segment in segments)

"""The audio agent: sound events, voices, music, silence, loudness, cues of violence, similarity."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from models.card_registry import card_of_use
from operators.audio.audio_embedding import audio_embedding
from operators.audio.loudness import Loudness, measure_loudness
from operators.audio.music import music_ratio
from operators.audio.silence import silence_ratio
from operators.audio.sound_events import sound_events
from operators.audio.vad_windows import VoiceProbabilities, join_probabilities, vad_windows
from operators.audio.violence_cues import suspect_windows, violence_cues
from operators.audio.voice_activity import speech_ratio, speech_times, voice_segments
from operators.audio.windows import SoundWindow, sound_windows, windows_between
from operators.inference.request_context import ModelOutput
from operators.label_evidence import model_name
from operators.media.tracks import SPEECH_HZ, AudioTrack
from operators.segments import TimeSpan
from schemas.evidence import Feature
from streams.analysis.agents.added_models import said_of_sound
from streams.analysis.agents.agent_usage import AgentUsage
from streams.analysis.agents.analysis import AgentWork, Analysis
from streams.analysis.agents.described import embedding_of, features_of
from streams.analysis.agents.seen import share_features, unseen_apart_from_sound, unseen_features
from streams.analysis.agents.speech import heard_speech

SOUNDS = card_of_use("sound-events")
VOICES = card_of_use("voice-activity")

_LOUDNESS = "loudness-bs1770@5"
_SILENCE = "sound-level@1"
_TRACK = "audio-track@1"


async def analyse(work: AgentWork) -> Analysis:
    """Analyse the sound of one upload while it is decoded.

    Raises:
        InvalidMedia, DeviceFault, Overloaded: see `MediaSession` and `Batcher.submit_many`.
    """
    tally = AgentUsage(work.host)
    track = await work.session.audio()
    if track is None or not len(track.speech):
        return Analysis(is_present=False, receipt=tally.receipt())
    windows = await tally.on_host(partial(sound_windows, track))
    sounds, voices, loudness, silent_ratio, said = await asyncio.gather(
        _heard(work, tally, track, windows),
        _voice_probabilities(work, tally, track),
        tally.on_host(partial(measure_loudness, track.full_band, track.channel_weights)),
        tally.on_host(partial(silence_ratio, track)),
        said_of_sound(work, tally, track),
    )
    confirmed = speech_times(sounds.windows, sounds.scores(), work.class_names.sounds)
    segments = voice_segments(voices, confirmed)
    analysis = _analysis(work, sounds, segments)
    speech = await heard_speech(work, tally, track, segments, analysis.labels)
    features = {
        **analysis.features,
        **_voice_features(work, voices, segments),
        **speech.features,
        **_loudness_features(work, loudness),
        **features_of(work, _SILENCE, {"audio.silence_ratio": silent_ratio}),
        **features_of(work, _TRACK, {"audio.analysed_seconds": len(track.speech) / SPEECH_HZ}),
        **share_features(work, "audio", (await work.session.receipt()).audio),
        **unseen_features(work, "audio", unseen_apart_from_sound(await work.session.index())),
    }
    return replace(
        analysis,
        labels=analysis.labels + said.labels + speech.labels,
        features=features,
        embeddings={**analysis.embeddings, **said.embeddings, **speech.embeddings},
        texts=said.texts + speech.texts,
        receipt=tally.receipt(),
    )


@dataclass(frozen=True, slots=True)
class _Heard:
    """What the sound model says: of windows at equal distances, and of those between that are suspect."""

    windows: Sequence[SoundWindow]
    outputs: Sequence[ModelOutput]
    between: Sequence[SoundWindow]
    outputs_between: Sequence[ModelOutput]

    def scores(self) -> np.ndarray:
        """Return (N, K) float32, of the windows at equal distances."""
        return np.stack([output.values[0] for output in self.outputs])

    def all_scores(self) -> np.ndarray:
        """Return (N + M, K) float32."""
        return np.stack([output.values[0] for output in (*self.outputs, *self.outputs_between)])


async def _heard(work: AgentWork, tally: AgentUsage, track: AudioTrack, windows: Sequence[SoundWindow]) -> _Heard:
    outputs = await _answers(work, tally, SOUNDS.name, [window.samples for window in windows])
    suspects = suspect_windows(SOUNDS, work.class_names.sounds, np.stack([output.values[0] for output in outputs]))
    between = await tally.on_host(partial(windows_between, track, windows, suspects))
    closer = await _answers(work, tally, SOUNDS.name, [window.samples for window in between]) if between else []
    return _Heard(windows, outputs, between, closer)


async def _answers(work: AgentWork, tally: AgentUsage, model: str, items: Sequence[np.ndarray]) -> list[ModelOutput]:
    outputs = await work.inference.batcher(model).submit_many(items, work.context)
    tally.add(outputs)
    return outputs


async def _voice_probabilities(work: AgentWork, tally: AgentUsage, track: AudioTrack) -> tuple[VoiceProbabilities, ...]:
    windows = await tally.on_host(partial(vad_windows, track))
    outputs = await _answers(work, tally, VOICES.name, windows)
    return join_probabilities(track, [output.values[0] for output in outputs])


def _analysis(work: AgentWork, heard: _Heard, voices: Sequence[TimeSpan]) -> Analysis:
    """Return everything that follows from the sound model's outputs."""
    names, scores = work.class_names.sounds, heard.scores()
    embedding = audio_embedding(np.stack([output.values[1] for output in heard.outputs]))
    values = {
        "audio.events": sound_events(heard.windows, scores, names),
        "audio.music_ratio": music_ratio(heard.windows, scores, names, voices),
    }
    return Analysis(
        labels=violence_cues(SOUNDS, names, heard.all_scores(), (*heard.windows, *heard.between)),
        features=features_of(work, model_name(SOUNDS), values),
        embeddings=embedding_of(work, SOUNDS, embedding.tolist()),
    )


def _voice_features(
    work: AgentWork, voices: Sequence[VoiceProbabilities], segments: Sequence[TimeSpan]
) -> dict[str, Feature]:
    values = {
        "audio.speech_ratio": speech_ratio(segments, voices),
        "audio.voice_segments": [
            {"start_seconds": segment.start_seconds, "end_seconds": segment.end_seconds} for segment in segments
        ],
    }
    return features_of(work, model_name(VOICES), values)


def _loudness_features(work: AgentWork, loudness: Loudness) -> dict[str, Feature]:
    values = {"audio.loudness_lufs": loudness.integrated_lufs, "audio.peak_dbfs": loudness.peak_dbfs}
    return features_of(work, _LOUDNESS, values)

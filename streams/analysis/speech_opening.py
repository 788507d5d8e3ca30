"""Opens what transcribes speech, if settings and installation allow it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

import structlog

from models.card import Card
from models.whisper import MODE, verify_whisper
from operators.audio.speech.recogniser import ANY_MODEL, ENGLISH_MODEL, WhisperRecogniser
from streams.analysis.agents.analysis import SpeechParts
from streams.analysis.agents.host_threads import ThreadedHost
from streams.config.settings import Settings

_log = structlog.get_logger()
_NEEDED: Final = (ENGLISH_MODEL, ANY_MODEL)


@dataclass(frozen=True, slots=True)
class OpenSpeech:
    """What is open."""

    parts: SpeechParts
    host: ThreadedHost
    how: str
    """For the fingerprint: everything beside the models that decides what is transcribed."""


def open_speech(settings: Settings, cards: Mapping[str, Card], opening: AsyncExitStack) -> OpenSpeech | None:
    """Return what transcribes speech; None if a setting turns it off, or the package that it needs is not installed.

    Models are loaded with the first video that needs them: 0.3 GB that a worker without speech does not use.

    Raises:
        WeightsMissing, WeightsCorrupt: the cache lacks what the cards name.
    """
    if settings.speech_ratio == 0 or any(name not in cards for name in _NEEDED):
        return None
    if find_spec("ctranslate2") is None:
        _log.error("speech is not transcribed", missing="ctranslate2", remedy="pip install 'vidsignal[speech]'")
        return None
    for name in _NEEDED:
        verify_whisper(name, settings.cache_dir)
    host = ThreadedHost(1)
    opening.callback(host.close)
    recogniser = WhisperRecogniser(settings.cache_dir, clock=host.cpu_seconds)
    parts = SpeechParts(recogniser, host, settings.speech_ratio, settings.speech_seconds)
    return OpenSpeech(parts, host, f"{MODE}/{settings.speech_ratio:g}/{settings.speech_seconds:g}")

"""Opens what transcribes speech, if settings and installation allow it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from typing import Final

import numpy as np
import structlog

from models.card import Card, Precision
from models.whisper import MEL_SHAPE, MODE, Whisper, load_whisper, verify_whisper
from operators.audio.speech.recogniser import ANY_MODEL, ENGLISH_MODEL, WhisperRecogniser
from operators.inference.backends.speech_encoder import PLACE, SpeechEncoders, encoder_card
from operators.inference.compute_mode import ComputeMode
from operators.inference.placement import ServerPlace
from streams.analysis.agents.analysis import SpeechParts
from streams.analysis.agents.host_threads import ThreadedHost
from streams.config.settings import Settings

_log = structlog.get_logger()
_NEEDED: Final = (ENGLISH_MODEL, ANY_MODEL)
_BATCHED_ON: Final = "cuda"
"""The accelerator that CTranslate2 has code for."""


@dataclass(frozen=True, slots=True)
class SpeechModels:
    """Where the models of speech run."""

    load: Callable[[str], Whisper]
    """Returns a model by the name of its card; each is loaded once."""
    mode: str
    """Engine and precision."""
    cards: tuple[Card, ...] = ()
    """Of the encoders that run in batches; none on a processor."""
    places: tuple[ServerPlace, ...] = ()
    """Where these run."""


@dataclass(frozen=True, slots=True)
class OpenSpeech:
    """What is open."""

    parts: SpeechParts
    host: ThreadedHost
    how: str
    """For the fingerprint: everything apart from the models that decides what is transcribed."""


def find_speech_models(settings: Settings, cards: Mapping[str, Card], device: str) -> SpeechModels | None:
    """Return where the models run; None if a setting turns speech off, or the package that it needs is not installed.

    On a processor models are loaded with the first video that needs them: 0.3 GB that a worker without speech does not
    use. On an accelerator they are loaded and warmed up at start, like all of its models.

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
    plain = partial(load_whisper, cache_dir=settings.cache_dir)
    precision, batched = _accelerator_precision(device), None
    if precision is not None:
        load = cache(partial(plain, device=device, compute_type=precision))
        batched = batched_models(load, precision, [cards[name] for name in _NEEDED])
    return batched or SpeechModels(cache(plain), MODE)


def batched_models(load: Callable[[str], Whisper], precision: Precision, cards: Sequence[Card]) -> SpeechModels | None:
    """Return models whose encoders run in batches, on an accelerator that `load` knows.

    None if the smallest batch fails: CTranslate2 sees a device also where it lacks libraries for it, and
    a worker that would transcribe on its processor is better than none.
    """
    try:
        load(cards[0].name).encode_batch(np.zeros((1, *MEL_SHAPE), np.float32))
    except RuntimeError as error:
        _log.warning("speech is encoded on the processor", error=str(error))
        return None
    names = frozenset(card.name for card in cards)
    place = ServerPlace(PLACE, names, partial(SpeechEncoders, load, precision))
    return SpeechModels(load, str(ComputeMode("ctranslate2", precision)), tuple(map(encoder_card, cards)), (place,))


def _accelerator_precision(device: str) -> Precision | None:
    """Return the precision in which CTranslate2 computes on the worker's accelerator; None if it can't use it."""
    if device != _BATCHED_ON:
        return None
    import ctranslate2

    if not ctranslate2.get_cuda_device_count():
        return None
    offered = ctranslate2.get_supported_compute_types(device)
    return "bfloat16" if "bfloat16" in offered else "float32"


def open_speech(settings: Settings, models: SpeechModels | None, opening: AsyncExitStack) -> OpenSpeech | None:
    """Return what transcribes speech; None without models."""
    if models is None:
        return None
    host = ThreadedHost(1)
    opening.callback(host.close)
    recogniser = WhisperRecogniser(
        settings.cache_dir, load=lambda name, _cache: models.load(name), clock=host.cpu_seconds
    )
    parts = SpeechParts(
        recogniser, host, settings.speech_ratio, settings.speech_seconds, models.mode, is_batched=bool(models.cards)
    )
    return OpenSpeech(parts, host, f"{models.mode}/{settings.speech_ratio:g}/{settings.speech_seconds:g}")

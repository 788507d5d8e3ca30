"""The items of the set: sounds with their words, and sounds without any."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Literal
from zlib import crc32

import numpy as np

from ops.evaluate.burnt.sentences import texts
from ops.evaluate.evaluation_set import Size
from ops.evaluate.heard.decoding import RATE_HZ, Samples, read_sound
from ops.evaluate.heard.generated import SIRENS, beeps, pink, seconds_of, tone, white
from ops.evaluate.heard.material import SoundFile, named_files
from ops.evaluate.heard.mixing import SPEECH_DBFS, at_level, lasting, piece_of
from ops.evaluate.heard.voices import open_voices
from ops.evaluate.language_titles import titles
from ops.evaluate.spoken.evasions import SPOKEN_EVASIONS, over_music
from ops.evaluate.spoken.recordings import Recording, recordings
from ops.evaluate.spoken.telephone import by_telephone

Group = Literal["read", "telephone", "over music", "generated", "abuse", "nothing said"]
LANGUAGES: Final = ("en", "de", "fr", "es", "it", "pt", "ru", "pl")
_FEW_LANGUAGES: Final = 3
"""Of a small run."""
_VOICES: Final = ("f2", "m3")
_PAUSE_SECONDS: Final = 0.5
_SENTENCES: Final = 5
_MUSIC_BELOW_DB: Final = (15, 6)
_LENGTH_SECONDS: Final = 12.0
"""Of sounds without a word."""
_WITHOUT_WORDS: Final = ("music", "ambience", "harmless")
"""Groups of the sounds of packages in which nobody speaks."""
_OF_EACH: Final = 12
_ABUSIVE: Final[Mapping[Size, int]] = {"small": 1, "full": 6}
"""Sentences that are abusive, and as many that are not."""
_ABUSIVE_VOICE: Final = "en-us+m3"
APPLAUSE: Final = "crowd.mp3"
"""Sample clip."""


@dataclass(frozen=True, slots=True)
class SpokenItem:
    """One sound."""

    name: str
    group: Group
    kind: str
    make: Callable[[], Samples]
    text: str = ""
    """What is said; empty if nothing is."""
    language: str = "en"
    is_abusive: bool = False


def spoken_items(data_dir: Path, samples_dir: Path, seed: int, size: Size) -> Iterator[SpokenItem]:
    """Yield the items of a run, in a fixed order. Raises NotMeasurable."""
    heard = {each: partial(_heard, each.path(data_dir, samples_dir)) for each in recordings()}
    yield from _read(heard, data_dir, size)
    yield from _generated(data_dir, size)
    yield from _abusive(data_dir, seed, size)
    yield SpokenItem("applause", "nothing said", "applause", partial(_heard, samples_dir / APPLAUSE))
    yield from _without_words(data_dir, seed, size)


def _read(heard: Mapping[Recording, Callable[[], Samples]], data_dir: Path, size: Size) -> Iterator[SpokenItem]:
    music = named_files(data_dir, "held-out")["music"] if size == "full" else []
    for place, (each, plain) in enumerate(heard.items()):
        name = each.source.partition("/")[2]
        if each.is_telephone:
            yield SpokenItem(name, "telephone", each.kind, plain, each.text)
            continue
        yield SpokenItem(name, "read", each.kind, plain, each.text)
        if size == "full":
            yield SpokenItem(f"{name}, by telephone", "telephone", each.kind, partial(_narrow, plain), each.text)
            for below in _MUSIC_BELOW_DB:
                make = partial(_over, plain, music[place % len(music)], below)
                yield SpokenItem(f"{name}, over music, {below} dB", "over music", f"{below} dB", make, each.text)


def _heard(path: Path) -> Samples:
    return at_level(read_sound(path), SPEECH_DBFS)


def _narrow(make: Callable[[], Samples]) -> Samples:
    return by_telephone(make())


def _over(make: Callable[[], Samples], music: SoundFile, below_db: float) -> Samples:
    voice = make()
    return voice + at_level(lasting(read_sound(music.path), len(voice) / RATE_HZ), SPEECH_DBFS - below_db)


def _generated(data_dir: Path, size: Size) -> Iterator[SpokenItem]:
    """Yield sentences in several languages by a synthesiser, whose voices are harder to understand than people's."""
    voices, texts = open_voices(data_dir), [(language, text) for kind, language, text in titles() if kind == "sentence"]
    for language in LANGUAGES if size == "full" else LANGUAGES[:_FEW_LANGUAGES]:
        own = [text for each, text in texts if each == language][:_SENTENCES]
        for variant in _VOICES if size == "full" else _VOICES[:1]:

            def make(voice: str = f"{language}+{variant}", own: list[str] = own) -> Samples:
                pause = np.zeros(seconds_of(_PAUSE_SECONDS), np.float32)
                said = [part for text in own for part in (at_level(voices.say(voice, text), SPEECH_DBFS), pause)]
                return np.concatenate(said)

            yield SpokenItem(f"{language} {variant}", "generated", language, make, " ".join(own), language)


def _abusive(data_dir: Path, seed: int, size: Size) -> Iterator[SpokenItem]:
    """Yield abusive and harmless sentences over music, said in each way."""
    voices = open_voices(data_dir)
    for group, is_abusive in (("abusive", True), ("harmless", False)):
        for place, text in enumerate(texts("held out", group)[: _ABUSIVE[size]]):
            for kind, saying in SPOKEN_EVASIONS.items():
                name = f"{group} {place} {kind}"
                make = partial(_over_chords, partial(saying, voices, _ABUSIVE_VOICE, text), f"{seed} {name}")
                yield SpokenItem(name, "abuse", kind, make, text, is_abusive=is_abusive)


def _over_chords(make: Callable[[], Samples], seed: str) -> Samples:
    return over_music(make(), np.random.default_rng(crc32(seed.encode())))


def _without_words(data_dir: Path, seed: int, size: Size) -> Iterator[SpokenItem]:
    random = np.random.default_rng(crc32(f"{seed} without words".encode()))
    for kind, name, samples in _plain_sounds(random):
        yield SpokenItem(name, "nothing said", kind, partial(np.asarray, samples))
    files = [named_files(data_dir, half) for half in ("fitted", "held-out")] if size == "full" else []
    for group in _WITHOUT_WORDS:
        for each in (file for half in files for file in half[group][:: max(1, len(half[group]) // _OF_EACH)]):
            piece = int(random.integers(2**31))
            yield SpokenItem(each.name, "nothing said", group, partial(_piece, each, piece))


def _piece(file: SoundFile, number: int) -> Samples:
    drawn = piece_of(read_sound(file.path), _LENGTH_SECONDS, np.random.default_rng(number))
    return at_level(drawn, SPEECH_DBFS)


def _plain_sounds(random: np.random.Generator) -> Iterator[tuple[str, str, Samples]]:
    """Yield kind, name and samples of sounds that are computed."""
    yield "silence", "silence", np.zeros(seconds_of(_LENGTH_SECONDS), np.float32)
    for level in (-60, -40, -23):
        yield "hiss", f"white noise, {level} dBFS", at_level(white(random, _LENGTH_SECONDS), level)
    yield "hiss", "pink noise", at_level(pink(random, _LENGTH_SECONDS), SPEECH_DBFS)
    yield "tones", "hum", at_level(tone(50, _LENGTH_SECONDS) + tone(100, _LENGTH_SECONDS), SPEECH_DBFS)
    yield "tones", "a tone", at_level(tone(440, _LENGTH_SECONDS), SPEECH_DBFS)
    yield "tones", "beeps", at_level(beeps(random, 0.3), SPEECH_DBFS)
    for name, sweep in SIRENS.items():
        yield "sirens", name, at_level(sweep(random), SPEECH_DBFS)

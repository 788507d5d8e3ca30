"""The items of the set: what is heard in each, and how it is made."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from zlib import crc32

import numpy as np

from ops.evaluate.heard.decoding import Samples, read_sound
from ops.evaluate.heard.generated import LENGTH_SECONDS, SIRENS, Random, beeps, echoing, pink, seconds_of, tone, white
from ops.evaluate.heard.material import Half, SoundFile, named_files, prompts
from ops.evaluate.heard.mixing import SPEECH_DBFS, alone, at_level, lasting, piece_of, spoken, voice_ratio
from ops.evaluate.heard.voices import open_voices
from ops.evaluate.language_titles import titles

GUNFIRE: Final = "violence/weapons/gunfire-heard"
EXPLOSION: Final = "violence/explosion/explosion-heard"
SCREAMING: Final = "violence/distress/screaming-heard"
CRIES: Final = "violence/distress/cries-heard"
SIREN: Final = "violence/emergency/siren-heard"
HEARD_LABELS: Final = (GUNFIRE, EXPLOSION, SCREAMING, CRIES, SIREN)

_OF_GROUP: Final[dict[str, tuple[frozenset[str], frozenset[str]]]] = {
    "gunfire": (frozenset((GUNFIRE,)), frozenset((EXPLOSION,))),
    "explosion": (frozenset((EXPLOSION,)), frozenset((GUNFIRE,))),
    "scream": (frozenset((SCREAMING, CRIES)), frozenset()),
    "cry": (frozenset((CRIES,)), frozenset((SCREAMING,))),
    "siren": (frozenset((SIREN,)), frozenset()),
    "harmless": (frozenset(), frozenset()),
}
"""What is heard in files of a group, and what may be called so as well: a burst of shots, a cry of death."""
_MUSIC_BELOW_DB: Final = (15, 6, 0)
_NOISE_BELOW_DB: Final = (15, 5, 0)
_NUM_MIXES: Final = 8
_NUM_PLAIN: Final = 8
_NUM_WHISPERS: Final = 4
_NUM_SIRENS: Final = 4
_NUM_HARMLESS: Final = 48
_NUM_AMBIENCES: Final = 24
_SENTENCES: Final = 4
_VARIANTS: Final = ("m1", "m3", "m7", "f1", "f2", "f4")
_WHISPERS: Final = ("whisper", "whisperf")


@dataclass(frozen=True, slots=True)
class MadeSound:
    """A sound and what is known of it; None: not to be judged."""

    samples: Samples
    speech_ratio: float | None = None
    music_ratio: float | None = None
    silence_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class HeardItem:
    """One sound that can be made."""

    name: str
    kind: str
    make: Callable[[], MadeSound]
    heard: frozenset[str] = frozenset()
    """Labels."""
    unknown: frozenset[str] = frozenset()
    """Labels that are not judged."""


def heard_items(data_dir: Path, half: Half, seed: int) -> Iterator[HeardItem]:
    """Yield the items of a half, in a fixed order. Raises NotMeasurable."""
    files, recipes = named_files(data_dir, half), _Recipes(data_dir, half, seed)
    music, ambiences = files["music"], recipes.some(files["ambience"], _NUM_AMBIENCES)
    yield from _voices(recipes, music)
    yield from _without_voice(recipes, music, ambiences)
    yield from _silences(recipes)
    for group, (heard, unknown) in _OF_GROUP.items():
        limit = _NUM_HARMLESS if group == "harmless" else len(files[group])
        for number, file in enumerate(recipes.some(files[group], limit)):
            plain, mixed = partial(recipes.event, file), partial(recipes.event, file, music[number % len(music)])
            yield HeardItem(f"{file.name}, alone", f"{group}, alone", plain, heard, unknown)
            if group != "harmless":
                yield HeardItem(f"{file.name}, in music", f"{group}, in music", mixed, heard, unknown)
    yield from _sirens(recipes, music)


class _Recipes:
    """Makes the sounds; each draws from a generator of its own, so that leaving one out changes no other."""

    def __init__(self, data_dir: Path, half: Half, seed: int) -> None:
        self._half, self._seed = half, seed
        self._voices = open_voices(data_dir)
        self._prompts = prompts(data_dir, half)
        self._titles = [(language, text) for kind, language, text in titles() if kind == "sentence"]
        languages = sorted({each for each, _ in self._titles if _half_of_language(each) == half})
        self.languages = [each for each in languages if self._voices.speaks(each)]

    def random(self, *name: object) -> Random:
        """Return the generator of an item."""
        return np.random.default_rng(crc32(f"{self._seed} {self._half} {name}".encode()))

    def some(self, files: Sequence[SoundFile], number: int) -> list[SoundFile]:
        """Return a part of the files, drawn by the seed, in order of names."""
        drawn = random.Random(f"{self._seed} {self._half}").sample(list(files), min(number, len(files)))
        return sorted(drawn, key=lambda file: file.name)

    def voice(self, number: int, variants: Sequence[str] = ()) -> Samples:
        """Return one person who talks: every other one is human, the others are generated."""
        drawing = self.random("voice", number, *variants)
        if not variants and number % 2:
            paths = sorted(self._prompts.items())[number // 2 % len(self._prompts)][1]
            chosen = drawing.choice(len(paths), _SENTENCES, replace=False)
            return spoken([read_sound(paths[at]) for at in chosen], LENGTH_SECONDS, drawing)
        language = self.languages[int(drawing.integers(len(self.languages)))]
        variant = str(drawing.choice(variants or _VARIANTS))
        texts = [text for each, text in self._titles if each == language][:_SENTENCES]
        return spoken([self._voices.say(f"{language}+{variant}", text) for text in texts], LENGTH_SECONDS, drawing)

    def speech(self, number: int, variants: Sequence[str] = ()) -> MadeSound:
        """Return a voice alone."""
        voice = self.voice(number, variants)
        return MadeSound(voice, speech_ratio=voice_ratio(voice), music_ratio=0.0)

    def speech_over(self, number: int, file: SoundFile, below_db: float) -> MadeSound:
        """Return a voice over music that is fainter by some dB."""
        voice, music = self.voice(number), piece_of(read_sound(file.path), LENGTH_SECONDS, self.random(file.name))
        return MadeSound(voice + at_level(music, SPEECH_DBFS - below_db), voice_ratio(voice), 1.0)

    def speech_in_noise(self, number: int, below_db: float) -> MadeSound:
        """Return a voice in noise that is fainter by some dB."""
        voice, noise = self.voice(number), pink(self.random("noise", number))
        return MadeSound(voice + at_level(noise, SPEECH_DBFS - below_db), voice_ratio(voice), 0.0)

    def speech_outside(self, number: int, file: SoundFile, below_db: float) -> MadeSound:
        """Return a voice with sounds around it that are no music."""
        voice, around = self.voice(number), lasting(read_sound(file.path), LENGTH_SECONDS)
        return MadeSound(voice + at_level(around, SPEECH_DBFS - below_db), voice_ratio(voice), 0.0)

    def music(self, file: SoundFile) -> MadeSound:
        """Return a piece of music."""
        piece = piece_of(read_sound(file.path), LENGTH_SECONDS, self.random("piece", file.name))
        return MadeSound(at_level(piece, SPEECH_DBFS), None, 1.0)

    def music_then_voice(self, number: int, file: SoundFile) -> MadeSound:
        """Return music for the first half, and a voice alone behind it."""
        piece = at_level(piece_of(read_sound(file.path), LENGTH_SECONDS, self.random(file.name)), SPEECH_DBFS)
        voice = self.voice(number)
        voice[: seconds_of(LENGTH_SECONDS / 2)] = piece[: seconds_of(LENGTH_SECONDS / 2)]
        return MadeSound(voice, None, 0.5)

    def ambience(self, file: SoundFile) -> MadeSound:
        """Return sounds of places and machines."""
        return MadeSound(at_level(lasting(read_sound(file.path), LENGTH_SECONDS), SPEECH_DBFS), 0.0, 0.0)

    def event(self, file: SoundFile, music: SoundFile | None = None) -> MadeSound:
        """Return one sound, in faint noise or over music."""
        drawing = self.random("event", file.name)
        behind = piece_of(read_sound(music.path), LENGTH_SECONDS, drawing) if music else None
        return MadeSound(alone(read_sound(file.path), drawing, behind))

    def siren(self, sweep: str, number: int, music: SoundFile | None = None) -> MadeSound:
        """Return a generated siren in a street, in noise or over music."""
        drawing = self.random("siren", sweep, number)
        found = echoing(SIRENS[sweep](drawing), drawing)
        behind = read_sound(music.path) if music else pink(drawing)
        under = at_level(piece_of(behind, LENGTH_SECONDS, drawing), SPEECH_DBFS - (6 if music else 12))
        return MadeSound(at_level(found, SPEECH_DBFS) + under)


def _half_of_language(language: str) -> Half:
    return "held-out" if crc32(f"language {language}".encode()) % 2 else "fitted"


def _voices(recipes: _Recipes, music: Sequence[SoundFile]) -> Iterator[HeardItem]:
    for number in range(_NUM_PLAIN):
        yield HeardItem(f"voice {number}", "speech alone", partial(recipes.speech, number))
    for number in range(_NUM_WHISPERS):
        yield HeardItem(f"whisper {number}", "whispered", partial(recipes.speech, number, _WHISPERS))
    for number in range(_NUM_MIXES):
        for below in _MUSIC_BELOW_DB:
            make = partial(recipes.speech_over, 100 + number, music[number % len(music)], below)
            yield HeardItem(f"voice {number} over music, {below} dB", f"speech over music, {below} dB", make)
        for below in _NOISE_BELOW_DB[number % 3 :: 3]:
            make = partial(recipes.speech_in_noise, 200 + number, below)
            yield HeardItem(f"voice {number} in noise, {below} dB", f"speech in noise, {below} dB", make)


def _without_voice(
    recipes: _Recipes, music: Sequence[SoundFile], ambiences: Sequence[SoundFile]
) -> Iterator[HeardItem]:
    for number, file in enumerate(music):
        yield HeardItem(f"{file.name}, alone", "music alone", partial(recipes.music, file))
        yield HeardItem(
            f"{file.name}, then a voice", "music, then speech", partial(recipes.music_then_voice, number, file)
        )
    for number, file in enumerate(ambiences):
        yield HeardItem(f"{file.name}, alone", "ambience", partial(recipes.ambience, file))
        if number % 2:
            make = partial(recipes.speech_outside, 300 + number, file, (15, 6)[number // 2 % 2])
            yield HeardItem(f"{file.name}, with a voice", "speech in ambience", make)
    for name, samples in _plain_sounds(recipes):
        yield HeardItem(name, "noise and tones", partial(MadeSound, samples, 0.0, 0.0, 0.0))


def _plain_sounds(recipes: _Recipes) -> Iterator[tuple[str, Samples]]:
    drawing = recipes.random("plain")
    yield "white noise", at_level(white(drawing), -26)
    yield "pink noise", at_level(pink(drawing), -26)
    yield "a tone", at_level(tone(drawing.uniform(200, 1500)), -20)
    yield "two tones of a keypad", at_level(tone(770) + tone(1336), -20)


def _silences(recipes: _Recipes) -> Iterator[HeardItem]:
    drawing = recipes.random("silence")
    floors = {f"noise of {level} dBFS": (at_level(white(drawing), level), 0.0) for level in (-40, -50, -55, -57)}
    quiet = {f"noise of {level} dBFS": (at_level(white(drawing), level), 1.0) for level in (-66, -75)}
    pips = {
        f"beeps of {length} s": (0.2 * beeps(drawing, length), round(1.0 - length, 2))
        for length in (0.1, 0.25, 0.5, 0.75)
    }
    nothing = np.zeros(seconds_of(LENGTH_SECONDS), np.float32)
    halves = np.where(np.arange(len(nothing)) < len(nothing) / 4, at_level(pink(drawing), -30), 0.0)
    rest = {"nothing": (nothing, 1.0), "noise, then nothing": (halves.astype(np.float32), 0.75)}
    for kind, found in (("noise floor", floors), ("near silence", quiet), ("beeps", pips), ("silence", rest)):
        for name, (samples, ratio) in found.items():
            yield HeardItem(name, kind, partial(MadeSound, samples, 0.0, None, ratio))


def _sirens(recipes: _Recipes, music: Sequence[SoundFile]) -> Iterator[HeardItem]:
    heard = frozenset((SIREN,))
    for sweep in SIRENS:
        for number in range(_NUM_SIRENS):
            file = music[number % len(music)] if number % 2 else None
            kind = "generated siren, in music" if file else "generated siren, in noise"
            yield HeardItem(f"{sweep} {number}", kind, partial(recipes.siren, sweep, number, file), heard)

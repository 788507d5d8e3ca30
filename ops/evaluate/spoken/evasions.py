"""Ways in which words are said so that a recogniser does not find them, and people still understand them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from ops.evaluate.heard.decoding import RATE_HZ, Samples
from ops.evaluate.heard.generated import seconds_of
from ops.evaluate.heard.mixing import SPEECH_DBFS, at_level
from ops.evaluate.heard.voices import Voices

Saying = Callable[[Voices, str, str], Samples]
"""Says a text with a voice."""
_SLOW_WORDS_A_MINUTE: Final = 90
_PAUSE_SECONDS: Final = 0.35
LEAD_SECONDS: Final = 4.0
"""Music before and after the voice."""
_MUSIC_BELOW_DB: Final = 10.0
_SHORT: Final = 4
"""Words of up to so many letters are spelled; longer ones are hard to follow for people as well."""


def _plain(voices: Voices, voice: str, text: str) -> Samples:
    return at_level(voices.say(voice, text), SPEECH_DBFS)


def _slow(voices: Voices, voice: str, text: str) -> Samples:
    return at_level(voices.say(voice, text, _SLOW_WORDS_A_MINUTE), SPEECH_DBFS)


def _by_word(voices: Voices, voice: str, text: str) -> Samples:
    pause = np.zeros(seconds_of(_PAUSE_SECONDS), np.float32)
    return np.concatenate([part for word in text.split() for part in (_plain(voices, voice, word), pause)])


def _spelled(voices: Voices, voice: str, text: str) -> Samples:
    """Spell the verbs of violence and the like: short words."""
    words = (", ".join(word) if 1 < len(word) <= _SHORT else word for word in text.split())
    return _plain(voices, voice, " ".join(words))


SPOKEN_EVASIONS: Final[Mapping[str, Saying]] = {
    "as written": _plain,
    "slowly": _slow,
    "word by word": _by_word,
    "spelled": _spelled,
}


def over_music(voice: Samples, random: np.random.Generator) -> Samples:
    """Return a voice over music that begins before and ends after it, by `LEAD_SECONDS`."""
    lead = seconds_of(LEAD_SECONDS)
    sound = _music((len(voice) + 2 * lead) / RATE_HZ, random) * 10 ** (-_MUSIC_BELOW_DB / 20)
    sound[lead : lead + len(voice)] += voice
    return sound


def _music(seconds: float, random: np.random.Generator) -> Samples:
    """Return chords of four notes with overtones, one a second, at the level of speech."""
    notes = 220.0 * 2.0 ** (np.array([[0, 4, 7, 12], [5, 9, 12, 17], [7, 11, 14, 19]]) / 12)
    times = np.arange(seconds_of(1.0)) / seconds_of(1.0)
    chords = [_chord(notes[int(random.integers(len(notes)))], times) for _ in range(int(np.ceil(seconds)))]
    return at_level(np.concatenate(chords)[: seconds_of(seconds)].astype(np.float32), SPEECH_DBFS)


def _chord(notes: np.ndarray, times: np.ndarray) -> np.ndarray:
    waves = [np.sin(2 * np.pi * hz * n * times) / n**1.5 for hz in notes for n in (1, 2, 3)]
    return np.asarray(np.sum(waves, axis=0) * np.exp(-2 * times))

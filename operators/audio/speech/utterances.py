"""From a recogniser's tokens to utterances with times; drops what was invented.

The limits are those of the paper (Radford et al., 2022, section 4.5), at temperature 0 alone. On silence, noise, music
and applause a recogniser answers with rare words, with thanks, or with one word again and again.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from models.whisper import MAX_NEW_TOKENS, DecodedSpeech, Whisper

MIN_MEAN_LOGPROB = -1.0
MAX_COMPRESSION_RATIO = 2.4
MIN_LANGUAGE_PROBABILITY = 0.6
_LEAST_TOKENS = 16
_TOKENS_PER_SECOND = 10.0
"""More than any language needs; a longer answer is a loop, and would only cost time."""
_LOOP_TOKENS = 4
"""At least this number of tokens is repeated in a loop."""
_LOOP_TIMES = 3
_LONGEST_LOOP_TOKENS = 32


@dataclass(frozen=True, slots=True)
class Utterance:
    """A piece of what is said, with the recogniser's times."""

    start_seconds: float
    """From the start of the window."""
    end_seconds: float
    text: str
    score: float
    """Mean probability of the window's tokens, in [0, 1]."""


def max_tokens(length_seconds: float) -> int:
    """Return the most tokens that so much speech can need."""
    return min(MAX_NEW_TOKENS, round(_LEAST_TOKENS + _TOKENS_PER_SECOND * length_seconds))


def is_believable(mean_logprob: float, text: str) -> bool:
    """Return whether a text was said, by the probability of its tokens and by how much of it is repetition."""
    content = text.encode()
    compression_ratio = len(content) / len(zlib.compress(content))
    return mean_logprob >= MIN_MEAN_LOGPROB and compression_ratio <= MAX_COMPRESSION_RATIO


def segments_of(
    tokens: Sequence[int], seconds: Callable[[int], float | None], length_seconds: float
) -> list[tuple[float, float, tuple[int, ...]]]:
    """Return runs of text tokens, each with the times before and after it.

    Args:
        tokens: text and times, without a loop.
        seconds: the time that a token means; None for text.
        length_seconds: of the sound; no time is later.
    """
    found: list[tuple[float, float, tuple[int, ...]]] = []
    start, words = 0.0, []
    for token in tokens:
        at = seconds(token)
        if at is None:
            words.append(token)
            continue
        at = min(at, length_seconds)
        if words:
            found.append((start, max(at, start), tuple(words)))
        start, words = at, []
    return [*found, (start, max(length_seconds, start), tuple(words))] if words else found


def without_loop(tokens: Sequence[int], is_text: Callable[[int], bool]) -> tuple[int, ...]:
    """Return the tokens up to the first repetition of a loop: at least four tokens of text, three times in a row."""
    places = [place for place, token in enumerate(tokens) if is_text(token)]
    words = [tokens[place] for place in places]
    for end in range(1, len(words) + 1):
        length = _loop_before(words, end)
        if length:
            return tuple(tokens[: places[end - (_LOOP_TIMES - 1) * length]])
    return tuple(tokens)


def _loop_before(words: Sequence[int], end: int) -> int:
    """Return the length of what the words before `end` repeat; 0 if they repeat nothing."""
    for length in range(_LOOP_TOKENS, min(_LONGEST_LOOP_TOKENS, end // _LOOP_TIMES) + 1):
        last = words[end - length : end]
        if all(words[end - times * length - length : end - times * length] == last for times in range(1, _LOOP_TIMES)):
            return length
    return 0


def utterances(model: Whisper, decoded: DecodedSpeech, length_seconds: float) -> tuple[Utterance, ...]:
    """Return what is said in a window; nothing if it was probably invented."""
    kept = without_loop(decoded.tokens, lambda token: model.seconds(token) is None)
    found = [(start, end, model.text(words)) for start, end, words in segments_of(kept, model.seconds, length_seconds)]
    if not is_believable(decoded.mean_logprob, " ".join(text for *_, text in found)):
        return ()
    score = min(math.exp(decoded.mean_logprob), 1.0)
    return tuple(Utterance(start, end, text, score) for start, end, text in found if _has_words(text))


def _has_words(text: str) -> bool:
    """Return whether a text is more than punctuation and the name of a sound in brackets."""
    is_remark = text[:1] + text[-1:] in ("[]", "()", "♪♪", "**")
    return not is_remark and any(character.isalnum() for character in text)

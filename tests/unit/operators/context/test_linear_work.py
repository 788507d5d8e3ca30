"""No text takes longer than in proportion to its length: what is looked at, and what comes of it, is bounded."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.context.folding import folded
from operators.context.hashtags import normalised_hashtag
from operators.context.marks import MAX_MARKS, with_few_marks
from operators.context.segments import _SENTENCE, LEAST_WORDS, MAX_CHARACTERS, _bounded, segments
from operators.context.text import clean_text
from operators.context.text_parts import text_parts
from tests.unit.operators.context.hiding import upload

MOST_TIMES_LONGER = 6
"""Of the compatibility forms of Unicode, phrases left out."""
DISORDERED = "\u0301\u0323"
"""A mark over the letter, then one below it: putting many of them into order takes time with their number's square."""


def longest_run_of_marks(text: str) -> int:
    longest = run = 0
    for character in text:
        run = run + 1 if unicodedata.combining(character) else 0
        longest = max(longest, run)
    return longest


@pytest.mark.parametrize("character", ["\ufdfa", "\ufdfb", "\u3316", "\u33af", "\u249c", "\u321d", "\u00bd", "\u017f"])
def test_folding_makes_no_text_many_times_longer(character: str) -> None:
    """One code point can stand for 18; a description of them would be judged as 18 descriptions."""
    assert len(folded(character * 1_000)) <= MOST_TIMES_LONGER * 1_000 + 1


def test_no_other_code_point_is_longer() -> None:
    """What stands for more than six characters is known by name."""
    characters = (chr(number) for number in range(0x110000) if not 0xD800 <= number < 0xE000)
    longer = [each for each in characters if len(unicodedata.normalize("NFKC", each)) > MOST_TIMES_LONGER]
    assert longer == ["\ufdfa", "\ufdfb"]


@pytest.mark.parametrize("text", ["a" + DISORDERED * 5_000, DISORDERED * 5_000 + "b", ("c" + DISORDERED * 40) * 100])
def test_marks_in_a_row_are_few(text: str) -> None:
    """Before anything is normalised: in cleaned text, and in a hashtag."""
    assert longest_run_of_marks(with_few_marks(text)) == MAX_MARKS
    assert longest_run_of_marks(clean_text(text, len(text))) <= MAX_MARKS
    assert longest_run_of_marks(normalised_hashtag("t" + text)) <= MAX_MARKS


def test_marks_that_languages_use_stay() -> None:
    """Vietnamese, Hebrew with points and accents, Thai, and a decomposed Korean syllable."""
    for text in ("Tiếng Việt", "בְּרֵאשִׁ֖ית", "น้ำใจ", unicodedata.normalize("NFD", "한국어 ấ")):
        assert with_few_marks(text) == text


def by_growing_text(text: str) -> tuple[str, ...]:
    """The same cuts by looking at all that is gathered again with each piece: plain, and quadratic."""
    return tuple(_slow(piece for found in _SENTENCE.finditer(text) for piece in _bounded(found[0])))


def _slow(pieces: Iterator[str]) -> Iterator[str]:
    gathered = ""
    for piece in pieces:
        if gathered and len(gathered) + len(piece) > MAX_CHARACTERS:
            yield gathered.strip()
            gathered = ""
        gathered += piece
        words = gathered.split()
        if len(words) >= LEAST_WORDS and len(words[-1]) > 1:
            yield gathered.strip()
            gathered = ""
    if gathered.strip():
        yield gathered.strip()


@given(st.text(st.sampled_from("ab .!\n\u3002 \u00a0x"), max_size=200))
def test_segments_are_those_of_the_plain_rule(text: str) -> None:
    """Each piece is looked at once, and the cuts are where they would be if all were looked at again."""
    assert segments(text) == by_growing_text(text)


def test_hashtags_are_looked_up() -> None:
    """Those of the text are left out by whole words, whatever else it says."""
    event = upload(title="#Cats and #dogs", hashtags=("cats", "dog", "DOGS", "a b"))
    assert dict(text_parts(event))["hashtags"] == "dog a b"

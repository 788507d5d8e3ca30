"""Text from the other end: read where that makes a text, and left alone where it does not."""

from __future__ import annotations

import re

import pytest

from operators.context.lexicon import Lexicon
from operators.context.turning import turned

RANKS = {
    word: rank for rank, word in enumerate(("you", "are", "live", "evil", "star", "rats", "cake", "bake", "how"), 1)
}
LEXICON = Lexicon(RANKS, {}, frozenset(), {}, re.compile("(?!)"))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("uoy era live", "you are evil"),
        ("ekac ekab", "bake cake"),
        ("ǝʞɐɔ ǝʞɐq", "bake cake"),
    ],
)
def test_what_is_a_text_from_the_other_end(written: str, read: str) -> None:
    """Word by word, as a whole, and by half a turn."""
    assert read in turned(written, LEXICON)


@pytest.mark.parametrize("text", ["you are live", "star rats live", "ein ruhiger tag am see", "", "a", "12 34"])
def test_what_reads_as_it_stands(text: str) -> None:
    """Palindromes are texts both ways; other languages are none from the other end."""
    assert turned(text, LEXICON) == ()

"""Text from strangers that is kept and shown."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.dead_letters.plain_text import plain_text


@given(st.text(st.characters(), max_size=400), st.integers(8, 300))
def test_it_is_short_and_steers_nothing(text: str, most_bytes: int) -> None:
    """Whatever comes in, lone surrogates too: no control, format or line character goes out, and not too much."""
    shown = plain_text(text, most_bytes)
    assert len(shown.encode()) <= most_bytes
    assert not any(unicodedata.category(character)[0] == "C" for character in shown)
    assert not any(unicodedata.category(character) in ("Zl", "Zp") for character in shown)


@given(st.text(st.characters(categories=("L", "N", "P", "S")), max_size=60))
def test_plain_words_stay(text: str) -> None:
    """What is printable and fits is not touched."""
    assert plain_text(text, 1_000) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mred\n", r"a\x1b[31mred\x0a"),
        ("abc\u202edef", r"abc\u202edef"),
        ("a\ud800", r"a\ud800"),
        ("x" * 20, "xxxxx..."),
    ],
)
def test_escapes_and_cuts(text: str, shown: str) -> None:
    """Terminal codes, line ends, direction marks and halves of characters are spelt; what is long ends in dots."""
    assert plain_text(text, 8 if len(text) == 20 else 100) == shown

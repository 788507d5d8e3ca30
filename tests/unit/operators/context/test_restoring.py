"""Words put back together, and words that are left alone."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.context.lexicon import Lexicon
from operators.context.passages import has_strays
from operators.context.restoring import Restorer
from operators.context.segments import MAX_CHARACTERS, segments

KNOWN = [
    "you",
    "are",
    "a",
    "the",
    "is",
    "cool",
    "cat",
    "rain",
    "sounds",
    "who",
    "whore",
    "hell",
    "he'll",
    "pink",
    "boss",
    "craft",
    "love",
    "my",
    "tone",
    "pen",
    "in",
    "son",
    "so",
    "good",
    "now",
    "all",
]
HOT = ("nasty", "rotten", "stinker", "hell", "whore", "penis")
"""Stand-ins for words that the models find offensive."""
LEXICON = Lexicon(
    ranks={word: rank for rank, word in enumerate((*KNOWN, *HOT), 1) if word.isalpha()},
    scores=dict.fromkeys(HOT, 1.0),
    hot=frozenset(HOT),
    hot_by_length={length: tuple(word for word in HOT if len(word) == length) for length in range(3, 9)},
    hot_inside=re.compile("|".join(HOT)),
)


class TestRestorer:
    @pytest.mark.parametrize(
        ("hidden", "plain"),
        [
            ("you n a s t y r o t t e n stinker", "you nasty rotten stinker"),
            ("n.a.s.t.y r-o-t-t-e-n s_t_i_n_k_e_r", "nasty rotten stinker"),
            ("n😀a😀s😀t😀y", "nasty"),
            ("n4$ty r0tt3n st1nker", "nasty rotten stinker"),
            ("naaaasty rrootteenn stiiinker", "nasty rotten stinker"),
            ("n*sty r*tt*n st!nker", "nasty rotten stinker"),
            ("na.sty rot-ten stin/ker", "nasty rotten stinker"),
            ("nas ty rot ten", "nasty rotten"),
            ("younastystinker", "you nasty stinker"),
            ("#younastystinker!", "you nasty stinker"),
        ],
    )
    def test_hidden(self, hidden: str, plain: str) -> None:
        """Blanks, marks, digits, masks and stretching hide no word that a model knows."""
        assert plain == Restorer(LEXICON)(hidden)

    @pytest.mark.parametrize(
        "text",
        [
            "you are a cool cat",
            "who're you, he'll love it",
            "penistone",
            "dickinson",
            "wool 2024 x y",
            "12 34 5",
            "... !!! ?",
            "",
        ],
    )
    def test_left_alone(self, text: str) -> None:
        """Contractions, names with a bad word inside, numbers and plain words stay."""
        assert text == Restorer(LEXICON)(text)

    def test_harmless(self) -> None:
        """What is stretched, spaced or written with digits without being bad becomes the word that it is."""
        assert Restorer(LEXICON)("cooooool c-r-a-f-t p!nk b0ss l o v e") == "cool craft pink boss love"

    def test_harmless_letters_apart(self) -> None:
        """A row of single letters becomes its words, whatever they say; an abbreviation stays one word."""
        restore = Restorer(LEXICON)
        assert restore("t h e c o o l r a i n") == "the cool rain"
        assert restore("m y i s s o") == "myisso"

    def test_too_much_work(self) -> None:
        """Work is bounded: beyond the bound there is no answer, rather than a wrong one."""
        restore = Restorer(LEXICON, max_readings=20)
        assert restore("n4$ty") == "nasty"
        assert restore(" ".join(f"qx{number}z" for number in range(50))) is None
        assert restore("n4$ty") is None

    def test_a_paragraph_of_single_letters(self) -> None:
        """However many letters stand apart in a row."""
        assert Restorer(LEXICON)(" ".join("youarenasty" * 30)) == " ".join(["you are nasty"] * 30)

    @pytest.mark.parametrize(
        "words",
        [
            [
                f"nasty{'bcdfg' * 30}{number:04x}".translate(str.maketrans("0123456789", "ghijklmnop"))
                for number in range(9)
            ],
            [" ".join("younasty") for _ in range(9)],
        ],
    )
    def test_long_words_cost_by_their_length(self, words: list[str]) -> None:
        """What takes long to cut counts for as much, whether it is one word or letters apart."""
        assert Restorer(LEXICON, max_readings=40)(" ".join(words)) is None

    @given(st.text(alphabet="naty rote@$!*._-04'’ü\n", max_size=120))
    def test_anything(self, text: str) -> None:
        """Any text has an answer, and the answer is its own."""
        plain = Restorer(LEXICON)(text)
        assert plain is not None
        assert plain == Restorer(LEXICON)(text)


class TestStrays:
    @pytest.mark.parametrize(
        ("written", "reading", "expected"),
        [
            ("L O V E, you", "love you", True),
            ("the b0$$ is p!nk", "the boss is pink", True),
            ("plan B is cool", "plan b is cool", False),
            ("rain-sounds", "rainsounds", False),
        ],
    )
    def test_put_together(self, written: str, reading: str, *, expected: bool) -> None:
        """Letters that the reading has put together, and not those that stand alone in it as well."""
        assert has_strays(written, reading) is expected


class TestSegments:
    def test_sentences(self) -> None:
        """A sentence of enough words stands alone; short ones are read with the next."""
        long = "One two three four five six seven eight nine."
        assert segments(f"{long} Short one. {long}\nShort two") == (long, f"Short one. {long}", "Short two")

    def test_single_letters(self) -> None:
        """A word on many lines is not cut in two."""
        assert segments("\n".join("abcdefghijklmnop")) == ("\n".join("abcdefghijklmnop"),)

    @given(st.text(max_size=3 * MAX_CHARACTERS))
    def test_nothing_is_lost(self, text: str) -> None:
        """All that is not a blank stands in one segment, in order, and no segment is long."""
        found = segments(text)
        assert "".join("".join(found).split()) == "".join(text.split())
        assert all(0 < len(segment) <= MAX_CHARACTERS for segment in found)

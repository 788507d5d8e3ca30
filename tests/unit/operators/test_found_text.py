"""Texts that added models read or hear: how many, and how long."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.card import Card, ModelSource
from models.card_registry import CARDS
from models.model_files import CardFile
from models.model_output import TextOutput
from operators.found_text import MAX_CHARACTERS, MAX_TEXTS, texts_found
from operators.segments import TimeSpan
from tests.support.tiny_models import sha256_of


@pytest.fixture
def card(tmp_path: Path) -> Card:
    """A model whose only letter is `a`."""
    (tmp_path / "vocab.json").write_text('["<pad>", "a"]')
    vocabulary = CardFile("vocab.json", sha256_of(tmp_path / "vocab.json"))
    source = ModelSource("torchscript", tmp_path / "card.toml")
    return replace(CARDS["yamnet"], model=source, text=TextOutput(0, vocabulary, "<pad>", "|"))


def letters(number: int) -> np.ndarray:
    return np.array([[place % 2, 0.5] for place in range(2 * number)], np.float32)


def spans(number: int) -> list[TimeSpan]:
    return [TimeSpan(at, at + 1) for at in range(number)]


class TestLimits:
    def test_empty_ones_do_not_count(self, card: Card) -> None:
        """Windows without speech are most of a video."""
        found = texts_found(card, [letters(0), letters(2)] * MAX_TEXTS, spans(2 * MAX_TEXTS))
        assert len(found) == MAX_TEXTS
        assert found[0].start_seconds == 1.0

    def test_characters(self, card: Card) -> None:
        """A signal stays small, whatever is said in the video; one endless text is cut."""
        found = texts_found(card, [letters(MAX_CHARACTERS // 4)] * 9, spans(9))
        assert len(found) == 4
        (endless,) = texts_found(card, [letters(MAX_CHARACTERS + 9)], spans(1))
        assert endless.text == "a" * MAX_CHARACTERS

    def test_a_model_without_text(self) -> None:
        """Says nothing."""
        assert texts_found(CARDS["yamnet"], [letters(2)], spans(1)) == ()

"""Text made safe, its language, and what is read of it."""

from __future__ import annotations

import numpy as np
import pytest

from models.catalogue import CARDS
from models.language_id import Language
from models.profanity import Profanity
from operators.context.language import text_language
from operators.context.text import MAX_TEXT_CHARACTERS, clean_text, num_words, prose, upload_text
from operators.context.text_embedding import text_embedding
from operators.context.text_models import TextModels
from operators.context.text_reading import read_text
from operators.context.toxicity import profanity_evidence, toxicity_evidence
from schemas.uploads import FileSource, VideoUploaded


def upload(title: str = "", description: str = "", hashtags: tuple[str, ...] = ()) -> VideoUploaded:
    return VideoUploaded(
        video_id="v", source=FileSource(path="/v.mp4"), title=title, description=description, hashtags=hashtags
    )


class TestCleanText:
    @pytest.mark.parametrize(
        ("raw", "expected"),
        [
            ("a\x00b\x07c", "abc"),
            ("line\nline\ttab", "line\nline\ttab"),
            ("lone \ud800 surrogate", "lone  surrogate"),
            ("e\u0301", "é"),
            ("  blanks \n", "blanks"),
            ("👩\u200d🚀", "👩\u200d🚀"),
            ("\ue000private", "private"),
        ],
        ids=["controls", "breaks", "surrogate", "normal form", "ends", "joined emoji", "private use"],
    )
    def test_cases(self, raw: str, expected: str) -> None:
        """Nothing is left that a tokenizer, a database or a terminal could choke on."""
        assert expected == clean_text(raw)

    def test_length(self) -> None:
        """Neither long texts nor ones that grow under normalisation pass the limit."""
        assert MAX_TEXT_CHARACTERS == len(clean_text("x" * 100_000))
        assert MAX_TEXT_CHARACTERS >= len(clean_text("\u0958" * MAX_TEXT_CHARACTERS))


class TestUploadText:
    def test_parts(self) -> None:
        """Title, description, and hashtags that stand in neither."""
        assert upload_text(upload("My #Cat", "sleeps"), ("cat", "cute")) == "My #Cat\nsleeps\ncute"

    def test_nothing_written(self) -> None:
        """An upload without words has an empty text."""
        assert upload_text(upload("\x00", " \n"), ()) == ""

    def test_prose_has_no_field_hashtags(self) -> None:
        """The language is judged by sentences."""
        assert prose(upload("Hallo", "Welt", ("lol",))) == "Hallo\nWelt"

    def test_num_words(self) -> None:
        """Words are what stands between blanks."""
        assert num_words("one  two\nthree") == 3


def says(code: str, probability_ratio: float = 0.9):  # type: ignore[no-untyped-def]
    """A classifier with one answer."""
    return lambda _text: Language(code, probability_ratio)


class TestTextLanguage:
    def test_sure(self) -> None:
        """A long enough text gets the classifier's answer."""
        assert Language("de", 0.9) == text_language(says("de"), "Ein Tag mit dem Fahrrad")

    @pytest.mark.parametrize("text", ["park", "", "!!! 1234567890 ...", "2024-01-01 12:00"])
    def test_too_short(self, text: str) -> None:
        """Of a word or of numbers the language is not told, whatever the classifier believes."""
        assert text_language(says("de", 1.0), text) is None

    def test_few_characters_of_a_dense_script(self) -> None:
        """Four Chinese characters are as good as two words."""
        assert Language("zh", 0.9) == text_language(says("zh"), "東京夜景")

    def test_unsure(self) -> None:
        """An unsure answer is none."""
        assert text_language(says("de", 0.49), "Ein Tag mit dem Fahrrad") is None


class TestToxicityEvidence:
    def test_worst_part(self) -> None:
        """Of a text in parts each label takes its worst; text has no time."""
        scores = np.array([[0.1, 0, 0.2, 0, 0.9, 0], [0.5, 0, 0.1, 0, 0.3, 0]], np.float32)

        found = {evidence.label: evidence for evidence in toxicity_evidence(CARDS["toxicity"], scores)}

        assert len(found) == 6
        assert found["hate-and-harassment/insults/insult-in-text"].score == pytest.approx(0.9)
        assert found["hate-and-harassment/abusive-language/toxic-text"].score == pytest.approx(0.5)
        assert all(evidence.segments == () for evidence in found.values())

    def test_second_vote(self) -> None:
        """The other model speaks under a label and a name of its own."""
        (evidence,) = profanity_evidence(CARDS["profanity"], 0.75)

        assert evidence.label == "profanity/obscenity/offensive-text"
        assert evidence.score == 0.75
        assert evidence.model.startswith("profanity@")


class TestTextEmbedding:
    def test_length_one(self) -> None:
        """Whatever the model's precision made of it."""
        assert text_embedding(np.array([3.0, 4.0], np.float32)) == pytest.approx([0.6, 0.8])

    def test_nothing_embedded(self) -> None:
        """A zero vector has no place in a space."""
        assert text_embedding(np.zeros(4, np.float32)) is None


class FakeTokens:
    """Tokenizers that remember nothing."""

    def encode(self, text: str) -> np.ndarray:
        return np.full(128, len(text), np.int64)

    def encode_all(self, text: str) -> tuple[np.ndarray, ...]:
        return (np.full(100, len(text), np.int64),)


def models(code: str) -> TextModels:
    nothing = np.zeros(0)
    profanity = Profanity({}, nothing, np.zeros((1, 0)), np.zeros(1), np.zeros(1), np.zeros(1))
    return TextModels(says(code), profanity, FakeTokens(), FakeTokens())  # type: ignore[arg-type]


class TestReadText:
    def test_english_is_judged(self) -> None:
        """Both models of abuse get the text."""
        reading = read_text(upload("A day on my bike", hashtags=("bike",)), models("en"))

        assert reading.profanity_score == 0.5
        assert len(reading.toxicity_items) == 1
        assert ("bike",) == reading.hashtags

    def test_unknown_language_is_judged(self) -> None:
        """A text too short for its language to show may be English."""
        assert read_text(upload("idiot"), models("de")).profanity_score is not None

    def test_other_language_is_not_judged(self) -> None:
        """Models that only know English would take harmless German words for insults."""
        reading = read_text(upload("Die Katze und die Kinder, die in die Schule gehen"), models("de"))

        assert reading.profanity_score is None
        assert reading.toxicity_items == ()

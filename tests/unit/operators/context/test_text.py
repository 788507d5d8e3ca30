"""Text made safe, its language, and what is read of it."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
from msgspec import UNSET

from models.card_registry import CARDS
from models.language_id import Language
from models.profanity import Profanity
from models.toxicity import ToxicityTokens
from operators.context.abuse_items import MAX_ITEMS, AbuseItem
from operators.context.language import text_language
from operators.context.lexicon import Lexicon
from operators.context.passages import Passage
from operators.context.text import MAX_DESCRIBED_CHARACTERS, clean_text, num_words, prose, upload_text
from operators.context.text_analysis import read_text
from operators.context.text_embedding import text_embedding
from operators.context.text_models import TextModels
from operators.context.toxicity import profanity_evidence, toxicity_evidence
from schemas.evidence import TextForm, TextMatch
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

    @pytest.mark.parametrize("character", ["x", "\u0958"], ids=["plain", "grows under normalisation"])
    def test_length(self, character: str) -> None:
        """Neither long texts nor ones that grow under normalisation pass the limit."""
        assert len(clean_text(character * 100_000)) in range(MAX_DESCRIBED_CHARACTERS - 1, MAX_DESCRIBED_CHARACTERS + 1)


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

    def test_invisible(self) -> None:
        """Embedding and language get no characters that show nothing, but those that a script is written with."""
        assert (
            upload_text(upload("fr\u200bee\u00ad", "می\u200cخواهم 👩\u200d🚀"), ()) == "free\nمی\u200cخواهم 👩\u200d🚀"
        )

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

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("Καλημέρα", "el"),
            ("แมว", "th"),
            ("שלום", "he"),
            ("안녕", "ko"),
            ("猫のうた", "ja"),
            ("Բարեւ", "hy"),
            ("საღამო", "ka"),
        ],
    )
    def test_scripts_of_one_language(self, text: str, code: str) -> None:
        """They name it, however short the text is."""
        assert Language(code, 1.0) == text_language(says("en"), text)

    def test_what_the_classifier_gets(self) -> None:
        """Neither capitals, which it takes for other languages, nor what is alike in every country."""
        given: list[str] = []
        text_language(given.append, "EIN TAG mit dem RAD #fyp @you https://e.org/x a@b.org")  # type: ignore[arg-type]
        assert given[0].split() == ["ein", "tag", "mit", "dem", "rad"]

    def test_unsure(self) -> None:
        """An unsure answer is none."""
        assert text_language(says("de", 0.49), "Ein Tag mit dem Fahrrad") is None


LEXICON = Lexicon(
    {"you": 1},
    {"stupid": 0.98, "idiot": 0.99, "fine": 0.1},
    frozenset(("stupid", "idiot")),
    {},
    re.compile("stupid|idiot"),
)


def item_of(text: str, form: TextForm) -> AbuseItem:
    passage = Passage("title", form, text)
    return AbuseItem(np.zeros(100, np.int64), (passage,), passage, 0.5)


class TestToxicityEvidence:
    def test_worst_part(self) -> None:
        """Of a text in parts each label takes its worst; text has no time."""
        scores = np.array([[0.1, 0, 0.2, 0, 0.9, 0], [0.5, 0, 0.1, 0, 0.3, 0]], np.float32)

        items = (item_of("fine words", "as written"), item_of("stupid idiot", "as it reads"))
        found = {evidence.label: evidence for evidence in toxicity_evidence(CARDS["toxicity"], scores, items, LEXICON)}

        assert len(found) == 6
        assert found["hate-and-harassment/insults/insult-in-text"].score == pytest.approx(0.9)
        assert found["hate-and-harassment/abusive-language/toxic-text"].score == pytest.approx(0.5)
        assert all(evidence.segments == () for evidence in found.values())

    def test_where(self) -> None:
        """What scored says part, form and the words that weigh; what did not says nothing."""
        scores = np.array([[0.1, 0, 0, 0, 0, 0], [0.9, 0, 0, 0, 0.2, 0]], np.float32)
        items = (item_of("fine words", "as written"), item_of("you stupid idiot", "as it reads"))

        found = {evidence.label: evidence for evidence in toxicity_evidence(CARDS["toxicity"], scores, items, LEXICON)}

        match = TextMatch(part="title", form="as it reads", words=("idiot", "stupid"))
        assert found["hate-and-harassment/abusive-language/toxic-text"].text == match
        assert found["hate-and-harassment/insults/insult-in-text"].text is UNSET

    def test_other_model(self) -> None:
        """The other model speaks under a label and a name of its own."""
        scored = ((Passage("title", "as written", "damn"), 0.75),)
        (evidence,) = profanity_evidence(CARDS["profanity"], scored, LEXICON)

        assert evidence.label == "profanity/obscenity/offensive-text"
        assert evidence.score == 0.75
        assert evidence.model.startswith("profanity@")

    def test_a_harmless_title_hides_nothing(self) -> None:
        """Of parts with a second vote, the one that both models find bad is evidence next to the one with the highest
        score."""
        scored = ((Passage("title", "as written", "Moby"), 0.99), (Passage("description", "as written", "you"), 0.95))
        votes = {"title": 0.1, "description": 0.8}

        found = profanity_evidence(CARDS["profanity"], scored, LEXICON, lambda passages: votes[passages[0].part])

        assert [each.score for each in found] == pytest.approx([0.99, 0.95])
        assert [each.second_vote for each in found] == [0.1, 0.8]

    def test_second_vote_of_an_item(self) -> None:
        """Every label names the vote about the passages of its item; without a comparison it names none."""
        scores = np.full((1, 6), 0.7, np.float32)
        items = (item_of("fine words", "as written"),)

        voted = toxicity_evidence(CARDS["toxicity"], scores, items, LEXICON, lambda _passages: 0.4)
        alone = toxicity_evidence(CARDS["toxicity"], scores, items, LEXICON)

        assert {each.second_vote for each in voted} == {0.4}
        assert {each.second_vote for each in alone} == {UNSET}


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
    return TextModels(says(code), profanity, FakeTokens(), FakeTokens(), LEXICON)  # type: ignore[arg-type]


def word_models() -> TextModels:
    """English, with a network that numbers words as they come and a linear model that dislikes idiots."""
    numbers = {f"word{number}": number for number in range(200_000)} | {"you": 1, "stupid": 2, "idiot": 3}
    dislike = np.array([[10.0]])
    profanity = Profanity({"idiot": 0}, np.ones(1), dislike, np.array([-5.0]), np.array([-1.0]), np.zeros(1))
    return TextModels(
        says("en"),  # type: ignore[arg-type]
        profanity,
        ToxicityTokens(numbers, "\n"),
        FakeTokens(),  # type: ignore[arg-type]
        dataclasses.replace(LEXICON, ranks=numbers),
    )


class TestReadText:
    def test_english_is_judged(self) -> None:
        """Both models of abuse get each part; what the linear model finds suspicious is an item of its own, too."""
        reading = read_text(upload("A day on my bike", hashtags=("bike",)), models("en"))

        assert reading.scored
        parts = {tuple(passage.part for passage in item.passages) for item in reading.abuse_items}
        assert parts == {("title", "hashtags"), ("title",), ("hashtags",)}
        assert ("bike",) == reading.hashtags
        assert (1.0, 1.0) == (reading.planned_ratio, reading.achieved_ratio)

    def test_unknown_language_is_judged(self) -> None:
        """A text too short for its language to show may be English."""
        assert read_text(upload("idiot"), models("de")).planned_ratio == 1.0

    def test_other_language_is_not_judged(self) -> None:
        """Models that only know English would take harmless German words for insults."""
        reading = read_text(upload("Die Katze und die Kinder, die in die Schule gehen"), models("de"))

        assert reading.scored == ()
        assert reading.abuse_items == ()
        assert reading.planned_ratio == 0.0

    def test_part_of_it_is_judged(self) -> None:
        """A run of English words is judged inside a sentence of another language, and the share says how much."""
        reading = read_text(upload("Ein ruhiger Tag am See you stupid idiot"), models("de"))

        assert [item.passages[0].text for item in reading.abuse_items] == ["you stupid idiot"]
        assert reading.planned_ratio == pytest.approx(14 / 32)

    def test_emoji_alone(self) -> None:
        """Without a letter there is nothing that could not be judged."""
        reading = read_text(upload("🔪🔪"), models("de"))

        assert reading.scored
        assert reading.planned_ratio == 1.0

    def test_nothing_is_judged_twice(self) -> None:
        """A text that reads as it is written is one item, and so is one that repeats itself."""
        assert len(read_text(upload("A calm day at the lake"), models("en")).abuse_items) == 1
        assert (
            len(read_text(upload("", "A calm day at the lake with all of us. " * 500), models("en")).abuse_items) == 1
        )

    def test_longer_than_the_bound(self) -> None:
        """What nobody judges is counted, and the worst is judged first, wherever it stands."""
        words = " ".join(f"word{number}" for number in range(MAX_ITEMS * 110))
        reading = read_text(upload(description=f"{words} you stupid idiot"), word_models())

        assert MAX_ITEMS == len(reading.abuse_items)
        assert "stupid idiot" in reading.abuse_items[0].passages[-1].text
        assert reading.planned_ratio == 1.0
        assert 0.7 < reading.achieved_ratio < 1.0

    def test_a_hundred_and_one_hashtags(self) -> None:
        """None is left out of what is judged, whatever its length and its place."""
        hashtags = (*(f"tag{number}" for number in range(300)), "x" * 150 + "y", "idiot")
        reading = read_text(upload("my day", hashtags=hashtags), models("en"))

        judged = " ".join(passage.text for item in reading.abuse_items for passage in item.passages)
        assert "idiot" in judged
        assert "xy" in judged
        assert reading.planned_ratio == 1.0

"""Comparison with prototypes: examples, scores, what is compared, evidence and votes."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec import UNSET

from operators.context.compared_texts import MAX_COMPARED, ComparedText, compared_texts
from operators.context.passages import Passage
from operators.context.prototype_evidence import ComparedScores
from operators.context.prototype_scorer import PrototypeScorer
from operators.context.prototypes import Prototypes
from schemas.evidence import TextMatch

THREAT = "violence/threats/threat-in-text"
INSULT = "hate-and-harassment/insults/insult-in-text"
GENERAL = "hate-and-harassment/abusive-language/toxic-text"
SIZE = 16
CENTRES = dict(zip((THREAT, INSULT, GENERAL, None), np.eye(4, SIZE), strict=True))


def prototypes(number: int = 5) -> Prototypes:
    """Five examples of each label, and as many harmless ones."""
    labels = {label: tuple(f"{label} {n}" for n in range(number)) for label in (THREAT, INSULT, GENERAL)}
    return Prototypes("house", 3, "ab" * 32, {}, GENERAL, labels, tuple(f"neutral {n}" for n in range(number)))


def near(label: str | None, seed: int = 99, spread: float = 0.1) -> np.ndarray:
    """A vector of length one in the neighbourhood of a label's examples."""
    noise = np.random.default_rng(seed).standard_normal(SIZE)
    vector = CENTRES[label] + spread * noise
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def scorer() -> PrototypeScorer:
    """Fitted on examples in four separate neighbourhoods."""
    found = prototypes()
    return PrototypeScorer(
        found, np.stack([near(example.label, seed) for seed, example in enumerate(found.examples())])
    )


def passage(text: str, part: str = "title") -> Passage:
    return Passage(part, "as written", text)  # type: ignore[arg-type]


class TestExamples:
    def test_groups(self) -> None:
        """An example with a group stands for one with each of its words, and weighs as much as any other."""
        groups = {"people": ("bakers", "sailors")}
        found = Prototypes("a", 1, "", groups, GENERAL, {GENERAL: ("I hate {people}",)}, ("tea for {people}", "rain"))

        assert [(each.text, each.weight) for each in found.examples()] == [
            ("I hate bakers", 0.5), ("I hate sailors", 0.5), ("tea for bakers", 0.5), ("tea for sailors", 0.5),
            ("rain", 1.0),
        ]  # fmt: skip

    def test_name_in_evidence(self) -> None:
        """It names the file, its version and its content."""
        assert prototypes().model_name == "text-prototypes@house-3-abababababab"


class TestPrototypeScorer:
    @pytest.mark.parametrize("label", [THREAT, INSULT])
    def test_nearest_label(self, label: str) -> None:
        """A text like the examples of a label has it and the general label, with one score; the others less."""
        scores = scorer()(near(label)[None])

        assert scores.by_label[label][0] == scores.by_label[GENERAL][0] == scores.abuse[0] > 0.9
        (other,) = {THREAT, INSULT} - {label}
        assert scores.by_label[other][0] < scores.by_label[label][0] - 0.2

    def test_harmless(self) -> None:
        """A text like the harmless examples has no label."""
        assert scorer()(near(None)[None]).abuse[0] < 0.1

    def test_an_added_example_mends_a_false_alarm(self) -> None:
        """What is added as harmless is harmless from then on, and what is far from it stays."""
        found = prototypes()
        vectors = [near(example.label, seed) for seed, example in enumerate(found.examples())]
        alarm = near(THREAT, spread=0.0)
        repaired = Prototypes("a", 2, "", {}, GENERAL, found.labels, (*found.neutral, "alarm"))

        before = PrototypeScorer(found, np.stack(vectors))(np.stack([alarm, near(INSULT)]))
        after = PrototypeScorer(repaired, np.stack([*vectors, alarm]))(np.stack([alarm, near(INSULT)]))

        assert after.abuse[0] < before.abuse[0] - 0.2
        assert after.abuse[1] > 0.9


def encode(text: str) -> np.ndarray:
    return np.array([len(text)], np.int64)


class TestComparedTexts:
    @pytest.mark.parametrize("text", ["?", "???", "...?", "?!", "¿?", " - - ", "…", ""])
    def test_punctuation(self, text: str) -> None:
        """It says nothing: what the embedding makes of it is chance."""
        assert compared_texts([passage(text)], [0.1], encode) == ()

    @pytest.mark.parametrize("text", ["$?", "7!", "no?", "\U0001f595", "何?"])
    def test_hardly_more_than_punctuation(self, text: str) -> None:
        """A symbol, a digit, a letter may say something."""
        assert len(compared_texts([passage(text)], [0.1], encode)) == 1

    def test_a_short_passage(self) -> None:
        """It is compared once, in plain letters."""
        (found,) = compared_texts([passage("ｙｏｕ\u2800are late")], [0.1], encode)
        assert found.item == len("you are late")

    def test_sentences(self) -> None:
        """A bad sentence among harmless ones is compared alone, too."""
        found = compared_texts([passage("You are a fool. A calm day at the lake.")], [0.1], encode)
        lengths = [int(each.item[0]) for each in found]
        assert lengths == [39, len("you are a fool"), len("a calm day at the lake.")]

    def test_pieces_of_a_long_sentence(self) -> None:
        """Every run of four words is inside one of the pieces."""
        words = [f"word{number}" for number in range(50)]
        texts: list[str] = []

        def kept(text: str) -> np.ndarray:
            texts.append(text)
            return encode(text)

        compared_texts([passage(" ".join(words))], [0.1], kept)
        pieces = [text for text in texts if len(text.split()) < len(words)]
        runs = [" ".join(words[start : start + 4]) for start in range(len(words) - 3)]
        assert [run for run in runs if not any(run in piece for piece in pieces)] == []

    def test_limit(self) -> None:
        """The title is compared, and of the rest what the linear model finds worst."""
        passages = [passage(f"day {number}", "description") for number in range(3 * MAX_COMPARED)]
        scores = [0.1] * len(passages)
        scores[-1] = 0.9
        found = compared_texts([*passages, passage("title")], [*scores, 0.0], encode)

        assert len(found) == MAX_COMPARED
        assert [each.passage for each in found[:2]] == [passage("title"), passages[-1]]


class TestComparedScores:
    def compared(self) -> ComparedScores:
        texts = [
            ComparedText(passage("a threat"), encode("")),
            ComparedText(passage("rain", "description"), encode("")),
        ]
        return ComparedScores(scorer(), texts, np.stack([near(THREAT), near(None)]))

    def test_evidence(self) -> None:
        """Each label has the highest score of all texts, and says where that is, without the words."""
        found = {each.label: each for each in self.compared().evidence()}

        assert found[THREAT].score > 0.9
        assert found[THREAT].model == "text-prototypes@house-3-abababababab"
        assert found[THREAT].text == TextMatch(part="title", form="as written")
        assert found[INSULT].text is UNSET

    def test_vote(self) -> None:
        """The vote about passages is the highest of theirs; there is none where one of them was not compared."""
        compared = self.compared()

        assert compared.vote([passage("rain", "description")]) == pytest.approx(0.0, abs=0.1)
        high = compared.vote([passage("rain", "description"), passage("a threat")])
        assert high is not None and high > 0.9
        assert compared.vote([passage("a threat"), passage("unseen")]) is None

"""Hidden abuse leads to the action that plain abuse leads to, and harmless titles of every script to none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec import structs

from models.card_registry import CARDS
from ops.assets import default_cache_dir, fetch_weights
from ops.evaluate.text_evaluator import TextEvaluator, load_text_evaluator
from schemas.evidence import LabelEvidence
from schemas.identity import MODALITIES
from schemas.outcomes import ACTIONS, Action, ModalityStates
from schemas.uploads import VideoUploaded
from streams.decision.decide import decide
from streams.decision.policy import strongest
from streams.decision.policy_file import load_policy
from tests.sample_facts import signal
from tests.unit.operators.context.hiding import TITLES, UPLOADS, upload

SENTENCES = (
    "you are a stupid fucking idiot",
    "go fuck yourself you piece of shit",
    "shut up you dumb bitch",
    "what a pathetic asshole you are",
    "kiss my ass you stupid bastard",
    "you fucking moron eat shit",
    "suck my dick you whore",
    "this idiot is full of bullshit",
    "fuck off you ugly cunt",
    "you are all retarded faggots",
)
"""Each leads to `limit` or `review` as it is written here."""
LEAST_RECALL = 0.9
LEAST_RECALL_OF_A_KIND = 0.7
POLICY = load_policy(None)


class PolicyEvaluator:
    """All models of text with their weights, and the default policy."""

    def __init__(self, said: TextEvaluator) -> None:
        self.said = said

    def labels(self, event: VideoUploaded) -> dict[str, Action]:
        """The action of each label that reaches a threshold."""
        return actions(self.said.evidence(event))

    def action(self, event: VideoUploaded) -> Action:
        """What the default policy does about the text."""
        return strongest(self.labels(event).values())

    def plain_labels(self, title: str) -> dict[str, Action]:
        """The same of the title as it stands, word by word, as long as the models know its language."""
        tokens, profanity = self.said.models.toxicity_tokens, self.said.models.profanity
        scores = self.said.network(torch.from_numpy(np.stack(tokens.encode_all(title))))[0].numpy()
        compared = self.said.scorer(self.said.vectors([title])).by_label
        by_words = (
            LabelEvidence(label=source.label, score=float(score), model=card)
            for card, row in (("toxicity", scores.max(0)), ("profanity", [profanity.score(title)]))
            for source, score in zip(CARDS[card].labels, row, strict=True)
        )
        by_sense = (
            LabelEvidence(label=name, score=float(row[0]), model="prototypes") for name, row in compared.items()
        )
        return actions((*by_words, *by_sense))


def actions(evidence: tuple[LabelEvidence, ...]) -> dict[str, Action]:
    """The action of each label that reaches a threshold of the default policy, with the votes that it wants."""
    signals = [structs.replace(signal("context"), labels=evidence)]
    reasons = decide(POLICY, signals, ModalityStates(present=MODALITIES), None).reasons
    return {reason.label: reason.action for reason in reasons if reason.label is not None}


@pytest.fixture(scope="module")
def judge() -> Iterator[PolicyEvaluator]:
    """The models with their published weights, on one thread."""
    fetch_weights(default_cache_dir())
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield PolicyEvaluator(load_text_evaluator(default_cache_dir()))
    torch.set_num_threads(threads)


def hidden_uploads(kind: str) -> list[VideoUploaded]:
    """Each sentence, hidden in one way."""
    if kind in TITLES:
        return [upload(title=TITLES[kind](sentence)) for sentence in SENTENCES]
    return [UPLOADS[kind](sentence) for sentence in SENTENCES]


class TestHiding:
    def test_sentences(self, judge: PolicyEvaluator) -> None:
        """Each of them leads to an action where nobody hides it; else the table would show nothing."""
        assert [sentence for sentence in SENTENCES if judge.action(upload(title=sentence)) == "allow"] == []

    def test_table(self, judge: PolicyEvaluator) -> None:
        """Of all kinds and sentences at least nine in ten keep the plain sentence's action or a stronger one."""
        plain = [ACTIONS.index(judge.action(upload(title=sentence))) for sentence in SENTENCES]
        recalls: dict[str, float] = {}
        for kind in (*TITLES, *UPLOADS):
            found = [ACTIONS.index(judge.action(event)) for event in hidden_uploads(kind)]
            recalls[kind] = float(np.mean([least <= action for least, action in zip(plain, found, strict=True)]))

        assert len(recalls) >= 30
        assert np.mean(list(recalls.values())) >= LEAST_RECALL
        assert {kind: recall for kind, recall in recalls.items() if recall < LEAST_RECALL_OF_A_KIND} == {}


def titles(file_name: str) -> list[str]:
    """The titles of a file, without its comments."""
    lines = Path(__file__).with_name("data").joinpath(file_name).read_text("utf-8").splitlines()
    return [line for line in lines if not line.startswith(("# ", "## "))]


HARMLESS = titles("harmless_titles.txt")
PLAIN = titles("plain_titles.txt")
EVERYDAY = titles("everyday_phrases.txt")


def short_words_spelled(text: str) -> str:
    """As a recogniser writes a sentence of which short words are spelled."""
    return " ".join(", ".join(word) if len(word) <= 4 else word for word in text.split())


HARMLESS_WAYS = {
    "short words spelled": short_words_spelled,
    "spaced capitals": lambda text: TITLES["spaced letters"](text.upper()),
    **{
        kind: TITLES[kind]
        for kind in (
            "spaced letters", "spaced letters alike", "hyphens between letters", "digits, spaced", "digits for letters",
            "symbols for letters", "capitals", "alternating capitals", "Cyrillic look-alikes", "Greek look-alikes",
        )
    },
}  # fmt: skip


class TestHarmless:
    def test_no_new_label(self, judge: PolicyEvaluator) -> None:
        """A label that acts on a harmless title acts on it word by word, too: nothing that is restored adds one."""
        new = {title: judge.labels(upload(title=title)).keys() - judge.plain_labels(title).keys() for title in HARMLESS}
        assert len(HARMLESS) >= 300
        assert {title: labels for title, labels in new.items() if labels} == {}

    def test_hardly_any_label(self, judge: PolicyEvaluator) -> None:
        """Nearly none of them leads to an action at all; those that do are single words of the models' training."""
        assert sum(judge.action(upload(title=title)) != "allow" for title in HARMLESS) <= 3

    def test_everyday_phrases(self, judge: PolicyEvaluator) -> None:
        """What people say all day leads to no action in 98 of 100 cases; none of the phrases is an example."""
        assert len(EVERYDAY) >= 400
        acted_on = [phrase for phrase in EVERYDAY if judge.action(upload(title=phrase)) != "allow"]
        assert len(acted_on) <= len(EVERYDAY) // 50, acted_on

    @pytest.mark.parametrize("kind", HARMLESS_WAYS)
    def test_harmless_and_hidden(self, judge: PolicyEvaluator, kind: str) -> None:
        """A harmless title that is written as abuse is hidden stays harmless: at least 99 of 100 lead to no action."""
        hidden = [HARMLESS_WAYS[kind](title) for title in PLAIN]
        assert len(hidden) == 100
        assert len([title for title in hidden if judge.action(upload(title=title)) != "allow"]) <= 1

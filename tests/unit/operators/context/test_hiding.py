"""Hidden abuse leads to the action that plain abuse leads to, and harmless titles of every script to none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from models.card_registry import CARDS
from models.toxicity import Toxicity, load_toxicity
from operators.context.text_analysis import read_text
from operators.context.text_models import TextModels, load_text_models
from operators.context.toxicity import profanity_evidence, toxicity_evidence
from ops.assets import default_cache_dir, fetch_weights
from schemas.evidence import LabelEvidence
from schemas.outcomes import ACTIONS, Action
from schemas.uploads import VideoUploaded
from streams.decision.policy import strongest
from streams.decision.policy_file import load_policy
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
    """Both models with their weights, and the default policy."""

    def __init__(self, models: TextModels, network: Toxicity) -> None:
        self.models = models
        self._network = network

    def evidence(self, event: VideoUploaded) -> tuple[LabelEvidence, ...]:
        """What is said of an upload's text."""
        reading = read_text(event, self.models)
        if reading.worst is None:
            return ()
        items = torch.from_numpy(np.stack([item.item for item in reading.abuse_items]))
        scores = self._network(items)[0].numpy()
        first = toxicity_evidence(CARDS["toxicity"], scores, reading.abuse_items, self.models.lexicon)
        return first + profanity_evidence(CARDS["profanity"], reading.worst, self.models.lexicon)

    def labels(self, event: VideoUploaded) -> dict[str, Action]:
        """The action of each label that reaches a threshold."""
        return actions(self.evidence(event))

    def action(self, event: VideoUploaded) -> Action:
        """What the default policy does about the text."""
        return strongest(self.labels(event).values())

    def plain_labels(self, title: str) -> dict[str, Action]:
        """The same of the title as it stands, word by word, as long as the models know its language."""
        tokens, profanity = self.models.toxicity_tokens, self.models.profanity
        scores = self._network(torch.from_numpy(np.stack(tokens.encode_all(title))))[0].numpy()
        return actions(
            LabelEvidence(label=source.label, score=float(score), model=card)
            for card, row in (("toxicity", scores.max(0)), ("profanity", [profanity.score(title)]))
            for source, score in zip(CARDS[card].labels, row, strict=True)
        )


def actions(evidence: Iterator[LabelEvidence] | tuple[LabelEvidence, ...]) -> dict[str, Action]:
    """The action of each label that reaches a threshold of the default policy."""
    found: dict[str, Action] = {}
    for item in evidence:
        rule = POLICY.rule_for(item.label)
        reached = [action for action, least in rule.thresholds.items() if item.score >= least] if rule else []
        if reached:
            found[item.label] = strongest(reached)
    return found


@pytest.fixture(scope="module")
def judge() -> Iterator[PolicyEvaluator]:
    """The models with their published weights, on one thread."""
    fetch_weights(default_cache_dir())
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield PolicyEvaluator(load_text_models(default_cache_dir()), load_toxicity(default_cache_dir()))
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


HARMLESS = [
    line
    for line in Path(__file__).with_name("data").joinpath("harmless_titles.txt").read_text("utf-8").splitlines()
    if not line.startswith("## ") and not line.startswith("# ")
]


class TestHarmless:
    def test_no_new_label(self, judge: PolicyEvaluator) -> None:
        """A label that acts on a harmless title acts on it word by word, too: nothing that is restored adds one."""
        new = {title: judge.labels(upload(title=title)).keys() - judge.plain_labels(title).keys() for title in HARMLESS}
        assert len(HARMLESS) >= 300
        assert {title: labels for title, labels in new.items() if labels} == {}

    def test_hardly_any_label(self, judge: PolicyEvaluator) -> None:
        """Nearly none of them leads to an action at all; those that do are single words of the models' training."""
        assert sum(judge.action(upload(title=title)) != "allow" for title in HARMLESS) <= 3

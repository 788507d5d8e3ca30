"""How what is said of several recognised texts becomes one label."""

from __future__ import annotations

from operators.context.recognised_abuse import recognised_abuse
from operators.context.recognised_labels import ON_SCREEN_ABUSE
from schemas.evidence import LabelEvidence, Segment
from schemas.labels import LABELS

TOXIC, INSULT = "hate-and-harassment/abusive-language/toxic-text", "hate-and-harassment/insults/insult-in-text"


def evidence(label: str, score: float, at_seconds: float, vote: float) -> LabelEvidence:
    segment = Segment(start_seconds=at_seconds, end_seconds=at_seconds + 1.0, score=score)
    return LabelEvidence(label=label, score=score, model="a@1", segments=(segment,), second_vote=vote)


def test_times_of_all_texts() -> None:
    """Two abusive pictures: the strongest evidence, with the times of both, each once."""
    labels = (evidence(TOXIC, 0.8, 3.0, 0.9), evidence(INSULT, 0.9, 3.0, 0.9), evidence(INSULT, 0.7, 8.0, 0.9))
    (found,) = recognised_abuse(labels, ON_SCREEN_ABUSE)
    assert (found.label, found.score) == (ON_SCREEN_ABUSE, 0.9)
    assert [(segment.start_seconds, segment.score) for segment in found.segments] == [(3.0, 0.9), (8.0, 0.7)]
    assert ON_SCREEN_ABUSE in LABELS


def test_what_is_contradicted_adds_no_time() -> None:
    """A joyful swear word in another picture is not when abuse is shown."""
    labels = (evidence(TOXIC, 0.99, 1.0, 0.1), evidence(INSULT, 0.9, 8.0, 0.9))
    (found,) = recognised_abuse(labels, ON_SCREEN_ABUSE)
    assert [segment.start_seconds for segment in found.segments] == [8.0]


def test_weak_evidence_alone() -> None:
    """It stays evidence: the label was looked for, and scored this low."""
    (found,) = recognised_abuse((evidence(TOXIC, 0.2, 1.0, 0.1),), ON_SCREEN_ABUSE)
    assert found.score == 0.2

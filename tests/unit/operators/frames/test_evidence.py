"""Evidence of nudity and firearms over time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from msgspec import UNSET

from models.card import Card
from models.card_registry import CARDS
from operators.label_evidence import evidence_of, label_scores
from operators.segments import TimeSpan, spans_between
from schemas.evidence import UNMEASURED, LabelEvidence, Segment

SPANS = spans_between([0.5, 1.5, 2.5, 3.5], end_seconds=4.0)


def nudity_evidence(scores: np.ndarray, spans: tuple[TimeSpan, ...] = SPANS) -> LabelEvidence:
    ((label, found),) = label_scores(CARDS["opennsfw"], ("nsfw",), scores.reshape(-1, 1), "max").items()
    return evidence_of(CARDS["opennsfw"], label, found, spans)


class TestNudityEvidence:
    def test_runs_become_segments(self) -> None:
        """Neighbouring frames above the floor join and keep their peak; segments stand strongest first."""
        evidence = nudity_evidence(np.array([0.2, 0.3, 0.05, 0.9], np.float32))

        assert evidence.label == "sexual/explicit/nudity"
        assert evidence.model == "opennsfw@" + CARDS["opennsfw"].version
        assert [(3.5, 4.0, 0.9), (0.5, 2.5, 0.3)] == [
            (segment.start_seconds, segment.end_seconds, round(segment.score, 6)) for segment in evidence.segments
        ]
        assert round(evidence.score, 6) == 0.9

    def test_clean_video(self) -> None:
        """A label that was looked for and not found is stated with its low score and no place."""
        evidence = nudity_evidence(np.full(4, 0.02, np.float32))

        assert round(evidence.score, 6) == 0.02
        assert evidence.segments == ()


class TestFirearmEvidence:
    def test_classes_add_up(self) -> None:
        """A frame torn between revolver and rifle shows a firearm with the sum of both."""
        card = CARDS["efficientnet-lite0"]
        names = ("assault rifle", "revolver", "rifle", "broom")
        firearms = replace(card, labels=tuple(each for each in card.labels if each.is_measured))
        probabilities = np.array([[0, 0.4, 0.3, 0.3], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 1]], np.float32)

        ((label, scores),) = label_scores(firearms, names, probabilities, "sum").items()
        evidence = evidence_of(firearms, label, scores, SPANS)

        assert evidence.label == "violence/weapons/firearm-visible"
        assert round(evidence.score, 6) == 0.7
        assert [(0.5, 1.5)] == [(segment.start_seconds, segment.end_seconds) for segment in evidence.segments]

    def test_unknown_output_label(self) -> None:
        """A card that maps what its model does not say is refused, not passed over."""
        card = CARDS["efficientnet-lite0"]

        with pytest.raises(ValueError, match="assault rifle"):
            label_scores(card, ("broom",), np.ones((4, 1), np.float32), "sum")

    def test_only_firearms_may_decide(self) -> None:
        """What was never measured is marked in its evidence, and as uncalibrated for readers of older releases."""
        card: Card = CARDS["efficientnet-lite0"]
        found = {label: evidence_of(card, label, np.ones(4), SPANS) for label in {each.label for each in card.labels}}

        assert {label for label, each in found.items() if each.held_back is UNSET} == {
            "violence/weapons/firearm-visible"
        }
        assert all((each.held_back == UNMEASURED) == (each.uncalibrated is True) for each in found.values())


class TestSpansBetween:
    def test_last_frame_reaches_to_the_end(self) -> None:
        """Each frame stands for the time up to the next, the last up to the end of the video."""
        assert (TimeSpan(0.5, 1.5), TimeSpan(1.5, 2.5), TimeSpan(2.5, 3.5), TimeSpan(3.5, 4.0)) == SPANS

    def test_end_before_the_last_frame(self) -> None:
        """A header that ends too early makes no span of negative length."""
        assert (TimeSpan(0.0, 2.0), TimeSpan(2.0, 2.0)) == spans_between([0.0, 2.0], end_seconds=1.0)

    def test_a_frame_stands_for_no_more_than_was_looked_at(self) -> None:
        """Of an hour a sampled frame is evidence for two seconds, not for the minute up to the next one."""
        spans = spans_between([10.0, 70.0, 71.0], end_seconds=3600.0, longest_seconds=2.0)
        assert (TimeSpan(10.0, 12.0), TimeSpan(70.0, 71.0), TimeSpan(71.0, 73.0)) == spans

    def test_segment_is_valid(self) -> None:
        """Scores a hair above 1, as half precision gives, become 1."""
        evidence = nudity_evidence(np.array([1.0001], np.float32), (TimeSpan(0.0, 1.0),))

        assert (Segment(start_seconds=0.0, end_seconds=1.0, score=1.0),) == evidence.segments

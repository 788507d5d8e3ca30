"""Which videos are transcribed, and how the answers of the models of text become one label."""

from __future__ import annotations

import pytest

from operators.context.recognised_abuse import recognised_abuse
from operators.context.recognised_labels import SPOKEN_ABUSE
from operators.drawn_videos import is_drawn
from schemas.evidence import LabelEvidence, Segment
from schemas.labels import LABELS

TOXIC, INSULT = "hate-and-harassment/abusive-language/toxic-text", "hate-and-harassment/insults/insult-in-text"


class TestSelection:
    @pytest.mark.parametrize("ratio", [0.0, 0.05, 0.5, 1.0])
    def test_is_a_share(self, ratio: float) -> None:
        """Of many ids about as many as the ratio says; the same ones each time."""
        drawn = [is_drawn("speech", f"video-{number}", ratio) for number in range(4000)]
        assert sum(drawn) / len(drawn) == pytest.approx(ratio, abs=0.02)
        assert drawn == [is_drawn("speech", f"video-{number}", ratio) for number in range(4000)]

    def test_a_larger_share_contains_a_smaller_one(self) -> None:
        """So raising the ratio leaves nobody out who was in."""
        ids = [f"video-{number}" for number in range(1000)]
        assert {name for name in ids if is_drawn("speech", name, 0.1)} <= {
            name for name in ids if is_drawn("speech", name, 0.3)
        }


class TestAbuse:
    def test_one_label_a_model(self) -> None:
        """The strongest evidence of each, with its seconds; a model's label is replaced by that of speech."""
        segment = Segment(start_seconds=3.0, end_seconds=4.0, score=0.9)
        found = recognised_abuse(
            (
                LabelEvidence(label=TOXIC, score=0.7, model="a@1"),
                LabelEvidence(label=INSULT, score=0.9, model="a@1", segments=(segment,)),
                LabelEvidence(label=TOXIC, score=0.8, model="b@1"),
            ),
            SPOKEN_ABUSE,
        )
        assert [(each.label, each.model, each.score) for each in found] == [
            (SPOKEN_ABUSE, "a@1", 0.9),
            (SPOKEN_ABUSE, "b@1", 0.8),
        ]
        assert found[0].segments == (segment,)
        assert SPOKEN_ABUSE in LABELS

    def test_swearing_is_no_abuse(self) -> None:
        """Labels of profanity alone say nothing of speech."""
        obscene = LabelEvidence(label="profanity/obscenity/obscene-text", score=1.0, model="a@1")
        assert recognised_abuse((obscene,), SPOKEN_ABUSE) == ()

    def test_what_is_confirmed_comes_first(self) -> None:
        """A higher score that the second vote contradicts does not hide a lower one that it confirms."""
        alone = LabelEvidence(label=TOXIC, score=0.99, model="a@1", second_vote=0.1)
        confirmed = LabelEvidence(label=INSULT, score=0.85, model="a@1", second_vote=0.8)
        (found,) = recognised_abuse((alone, confirmed), SPOKEN_ABUSE)
        assert (found.score, found.second_vote) == (0.85, 0.8)

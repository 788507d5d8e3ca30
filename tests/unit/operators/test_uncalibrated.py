"""Scores that come from sentences are marked, and decide little, until a card says what they mean."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from msgspec import UNSET

from models.card_registry import CARDS
from models.model_output import LabelPrompts, LabelSource
from operators.label_evidence import evidence_of
from operators.segments import spans_between
from schemas.evidence import LabelEvidence
from schemas.facts import Signal
from schemas.outcomes import ModalityStates
from streams.decision.decide import Decision, decide
from streams.decision.policy_file import load_policy

LABEL = "sexual/explicit/nudity"
OWN = CARDS["opennsfw"]
assert OWN.model is not None
SENTENCES = replace(OWN, model=replace(OWN.model, prompts=(LabelPrompts(LABEL, ("a naked person",)),)))


class TestEvidence:
    def stated(self, **changed: object) -> LabelEvidence:
        spans = spans_between([0.5], end_seconds=1.0)
        return evidence_of(replace(SENTENCES, **changed), LABEL, np.array([0.9], np.float32), spans)  # type: ignore[arg-type]

    def test_is_marked(self) -> None:
        """A label from sentences alone."""
        assert self.stated().uncalibrated is True

    def test_points_make_it_calibrated(self) -> None:
        """Where the card says what a score means."""
        points = LabelSource("nsfw", LABEL, ((0.0, 0.0), (1.0, 0.9)))
        assert self.stated(labels=(points,)).uncalibrated is UNSET

    def test_classifiers_are_not_marked(self) -> None:
        """The product's own state the same bytes as before."""
        assert self.stated(model=OWN.model).uncalibrated is UNSET


class TestDecision:
    def decided(self, *, uncalibrated: bool) -> Decision:
        evidence = LabelEvidence(label=LABEL, score=1.0, model="m@1", uncalibrated=True if uncalibrated else UNSET)
        signal = Signal(
            signal_id="s", video_id="v", revision=0, modality="frames", status="ok", generation=1, fingerprint="f",
            produced_unix_seconds=0.0, labels=(evidence,),
        )  # fmt: skip
        return decide(load_policy(None), [signal], ModalityStates(), None)

    def test_a_review_at_most(self) -> None:
        """What blocks when a fitted model says it goes to a person when sentences do."""
        assert self.decided(uncalibrated=False).action == "block"
        assert self.decided(uncalibrated=True).action == "review"

    def test_the_reason_says_why(self) -> None:
        """A person reads it."""
        (reason,) = self.decided(uncalibrated=True).reasons
        assert reason.words.endswith("(the score is not calibrated)")

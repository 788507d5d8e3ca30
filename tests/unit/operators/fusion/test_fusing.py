"""Evidence of several modalities becomes evidence of what they show together."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from msgspec import UNSET

from operators.fusion.fusing import MAX_SEGMENTS, Said, fused_evidence
from operators.fusion.fusion_rule import FusionHead, FusionRule, fused_score
from schemas.evidence import SHADOW, UNMEASURED, LabelEvidence, Segment
from schemas.identity import Modality

SEEN, HEARD = (f"violence/weapons/{name}" for name in ("firearm-visible", "gunfire-heard"))
READ = "violence/threats/threat-in-text"
RULE = FusionRule("violence/weapons/firearm-use", 3, ({SEEN: 0.5}, {HEARD: 0.6}))
TIMED = FusionRule(RULE.label, 3, RULE.all_of, within_seconds=2.0)


def evidence(label: str, score: float, *times: tuple[float, float, float], model: str = "m@1") -> LabelEvidence:
    segments = tuple(Segment(start_seconds=start, end_seconds=end, score=peak) for start, end, peak in times)
    return LabelEvidence(label=label, score=score, model=model, segments=segments)


def said(modality: Modality, label: str, score: float, *times: tuple[float, float, float]) -> Said:
    return modality, evidence(label, score, *times)


class TestScore:
    def test_noisy_or_of_the_groups(self) -> None:
        """One minus the product of what each group leaves open: 1 - (1 - .5 * .4)(1 - .6 * .5)."""
        assert fused_score(RULE, {SEEN: 0.4, HEARD: 0.5}) == pytest.approx(0.44)

    @pytest.mark.parametrize("scores", [{}, {SEEN: 1.0}, {SEEN: 1.0, HEARD: 0.19}])
    def test_every_group_needs_evidence(self, scores: dict[str, float]) -> None:
        """However certain the other is; below the least score there is none."""
        assert fused_score(RULE, scores) is None

    def test_of_a_group_the_strongest_counts(self) -> None:
        """Two sources of one group add nothing to each other; strength is reliability times score."""
        rule = FusionRule("x", 1, ({READ: 1.0}, {SEEN: 0.5, HEARD: 0.9}))
        alone = fused_score(rule, {READ: 0.5, HEARD: 0.6})
        assert alone == fused_score(rule, {READ: 0.5, HEARD: 0.6, SEEN: 1.0}) == pytest.approx(1 - 0.5 * 0.46)

    def test_a_head_scores_in_its_place(self) -> None:
        """A logistic function of the scores, which stays finite far out."""
        head = FusionHead(-2.0, {SEEN: 2.0, HEARD: 4.0})
        assert fused_score(FusionRule("x", 1, RULE.all_of, head=head), {SEEN: 0.5, HEARD: 0.25}) == 0.5
        for bias, expected in ((-9_999.0, 0.0), (9_999.0, 1.0)):
            rule = FusionRule("x", 1, RULE.all_of, head=FusionHead(bias, {}))
            assert fused_score(rule, {SEEN: 0.5, HEARD: 0.25}) == expected

    def test_covered_where_every_group_has_a_model(self) -> None:
        """One source of each is enough."""
        rule = FusionRule("x", 1, ({READ: 1.0}, {SEEN: 0.5, HEARD: 0.9}))
        assert [rule.is_covered_by(labels) for labels in ({READ, HEARD}, {SEEN, HEARD})] == [True, False]


class TestEvidence:
    def test_names_its_rule_and_its_sources(self) -> None:
        """A reader sees what it was made from, and that nothing was learned."""
        (found,) = fused_evidence([RULE], [said("frames", SEEN, 0.4), said("audio", HEARD, 0.5)])
        assert (found.label, found.model, found.score) == (RULE.label, "fusion@3", pytest.approx(0.44))
        assert (found.uncalibrated, found.held_back, found.segments) == (True, UNSET, ())
        assert found.fused_from is not UNSET
        assert [(part.modality, part.label, part.model, part.score) for part in found.fused_from] == [
            ("audio", HEARD, "m@1", 0.5),
            ("frames", SEEN, "m@1", 0.4),
        ]

    @pytest.mark.parametrize("reason", [UNMEASURED, SHADOW, "of a newer release"])
    def test_what_is_held_back_is_no_source(self, reason: str) -> None:
        """It must not act through another label either."""
        held = msgspec.structs.replace(evidence(SEEN, 1.0), held_back=reason)
        assert fused_evidence([RULE], [("frames", held), said("audio", HEARD, 1.0)]) == ()

    def test_a_shadow_is_marked(self) -> None:
        """And a head's score is calibrated."""
        rule = FusionRule("x", 4, RULE.all_of, head=FusionHead(0.0, {SEEN: 1.0}), is_shadow=True)
        (found,) = fused_evidence([rule], [said("frames", SEEN, 0.4), said("audio", HEARD, 0.5)])
        assert (found.held_back, found.uncalibrated) == (SHADOW, UNSET)

    def test_any_order_gives_the_same_bytes(self) -> None:
        """Signals arrive in any order, and a replay in another one."""
        known = [
            said("frames", SEEN, 0.37, (0, 1, 0.37), (8, 9, 0.3)),
            ("frames", evidence(SEEN, 0.37, (0, 1, 0.37), model="n@1")),
            said("audio", HEARD, 0.71, (1, 2, 0.71), (8, 9, 0.7)),
            said("context", READ, 0.33),
        ]
        rules = [TIMED, FusionRule("y", 1, ({READ: 0.7}, {SEEN: 0.3, HEARD: 0.9}))]
        results = {msgspec.json.encode(fused_evidence(rules, order)) for order in itertools.permutations(known)}
        assert len(results) == 1
        assert len(fused_evidence(rules, known)) == 2


class TestTime:
    def test_far_apart_is_not_together(self) -> None:
        """A toy gun in the first minute and fireworks in the last are no shooting."""
        apart = [said("frames", SEEN, 0.9, (0, 1, 0.9)), said("audio", HEARD, 0.9, (9, 10, 0.9))]
        assert fused_evidence([TIMED], apart) == ()
        assert len(fused_evidence([RULE], apart)) == 1

    def test_scores_are_those_of_the_moment(self) -> None:
        """Where they meet, each source counts as it scores there, not with its highest score elsewhere."""
        known = [
            said("frames", SEEN, 0.9, (0, 1, 0.9), (20, 21, 0.4)),
            said("audio", HEARD, 0.5, (22.5, 23, 0.5)),
        ]
        (found,) = fused_evidence([TIMED], known)
        assert found.score == pytest.approx(0.44)
        assert [(segment.start_seconds, segment.score) for segment in found.segments] == [
            (20, pytest.approx(0.44)),
            (22.5, pytest.approx(0.44)),
        ]

    def test_text_is_near_everything(self) -> None:
        """A title has no time."""
        rule = FusionRule("x", 1, ({READ: 1.0}, {SEEN: 1.0}), within_seconds=0.0)
        (found,) = fused_evidence([rule], [said("context", READ, 0.5), said("frames", SEEN, 0.5, (7, 8, 0.5))])
        assert (found.score, found.segments[0].start_seconds) == (0.75, 7)

    def test_segments_are_bounded(self) -> None:
        """Evidence stays small, however often both meet."""
        times = [(float(at), at + 0.5, 0.5) for at in range(MAX_SEGMENTS)]
        known = [said("frames", SEEN, 0.5, *times), said("audio", HEARD, 0.5, *[(s + 0.25, e, p) for s, e, p in times])]
        (found,) = fused_evidence([TIMED], known)
        assert len(found.segments) == MAX_SEGMENTS

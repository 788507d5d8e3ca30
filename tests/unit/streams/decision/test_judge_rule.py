"""The policy's judge: what its part of a file allows, whom it asks about, and that it never makes an action milder."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.judge.judge_answer import judge_evidence
from schemas.evidence import AskedFor, JudgeWord, LabelEvidence
from schemas.outcomes import ACTIONS, ModalityStates
from streams.decision.decide import Decision, decide
from streams.decision.judge_rule import JudgeRule
from streams.decision.judged_scores import label_scores
from streams.decision.policy import Policy, Rule
from streams.decision.policy_checks import InvalidPolicy
from streams.decision.policy_file import load_policy, parse_policy
from tests.sample_facts import evidence, signal

GUN = "violence/weapons/firearm-visible"
BLADE = "violence/weapons/blade-visible"
HEAD = "name: test\nversion: 1\nrules: []\n"
RULE = JudgeRule(1, {GUN: (0.4, 0.6)})
POLICY = replace(load_policy(None), judge=RULE)


def judged(answer: JudgeWord, asked_for: AskedFor = "band", label: str = GUN, version: int = 1) -> LabelEvidence:
    (found,) = judge_evidence({label: asked_for}, [answer], version)
    return found


def decided(policy: Policy, *labels: LabelEvidence) -> Decision:
    return decide(policy, [signal("frames", labels=labels)], ModalityStates(), None)


class TestFile:
    def test_off_by_default(self) -> None:
        """Neither the default policy nor one without the part has a judge."""
        assert load_policy(None).judge is None
        assert parse_policy(HEAD.encode()).judge is None

    def test_all_keys(self) -> None:
        """As they are written."""
        part = f"judge: {{version: 2, bands: {{{GUN}: {{from: 0.3, to: 0.5}}}}, random_ratio: 0.01, effect: none}}"
        assert parse_policy((HEAD + part).encode()).judge == JudgeRule(2, {GUN: (0.3, 0.5)}, 0.01, "none")

    def test_defaults(self) -> None:
        """No random share, and a yes may require a review."""
        part = f"judge: {{version: 1, bands: {{{GUN}: {{from: 0.4, to: 0.6}}}}}}"
        assert parse_policy((HEAD + part).encode()).judge == RULE

    @pytest.mark.parametrize(
        ("part", "said"),
        [
            ("{version: 1}", "lacks the key 'bands'"),
            ("{version: 1, bands: {}}", "1 to 16 labels"),
            ("{version: 0, bands: {%s: {from: 0, to: 1}}}", "a whole number from 1"),
            ("{version: 1, bands: {violence: {from: 0, to: 1}}}", "violence"),
            ("{version: 1, bands: {%s: {from: 0.6, to: 0.4}}}", "at least 0.6"),
            ("{version: 1, bands: {%s: {from: 0.6}}}", "lacks the key 'to'"),
            ("{version: 1, bands: {%s: {from: 0, to: 2}}}", "a number from 0 to 1"),
            ("{version: 1, bands: {%s: {from: 0, to: 1}}, effect: block}", "block"),
            ("{version: 1, bands: {%s: {from: 0, to: 1}}, effect: allow}", "allow"),
            ("{version: 1, bands: {%s: {from: 0, to: 1}}, random_ratio: 1.5}", "a number from 0 to 1"),
            ("{version: 1, bands: {%s: {from: 0, to: 1}}, lower: review}", "lower"),
            ("[]", "a mapping"),
        ],
    )
    def test_refused(self, part: str, said: str) -> None:
        """With place, value and what is allowed; there is no way to let it block, or lift a review."""
        with pytest.raises(InvalidPolicy, match=r"\$\.judge") as refused:
            parse_policy((HEAD + "judge: " + part.replace("%s", GUN)).encode())
        assert said in str(refused.value)


class TestAsked:
    @pytest.mark.parametrize(("score", "is_asked"), [(0.39, False), (0.4, True), (0.6, True), (0.61, False)])
    def test_the_band(self, score: float, is_asked: bool) -> None:
        """Both ends belong to it."""
        assert RULE.asked("v", {GUN: score}) == ({GUN: "band"} if is_asked else {})

    def test_without_evidence(self) -> None:
        """A band that begins at 0 still needs a score."""
        assert JudgeRule(1, {GUN: (0.0, 1.0)}).asked("v", {}) == {}

    def test_the_random_share(self) -> None:
        """Of its videos all labels are asked about; the band keeps its own name, so that the two are told apart."""
        rule = replace(RULE, bands={GUN: (0.4, 0.6), BLADE: (0.4, 0.6)}, random_ratio=1.0)
        assert rule.asked("v", {GUN: 0.5}) == {GUN: "band", BLADE: "random"}

    def test_the_share_is_that_of_the_setting(self) -> None:
        """The same videos each time, and a larger share contains a smaller one."""
        ids = [f"v-{number}" for number in range(4_000)]
        small, large = (
            {video_id for video_id in ids if replace(RULE, random_ratio=ratio).is_drawn(video_id)}
            for ratio in (0.05, 0.1)
        )
        assert small < large
        assert 0.04 < len(small) / len(ids) < 0.06


class TestScores:
    def test_fusion_counts(self) -> None:
        """A fused label may be uncertain, too; what is held back is no score."""
        fusion = POLICY.fusion[0]
        said = [
            ("frames" if index == 0 else "audio", evidence(label, 0.6)) for index, label in enumerate(fusion.sources)
        ]
        found = label_scores(POLICY, [*said, ("frames", judged("yes", label=BLADE))])  # type: ignore[list-item]
        assert fusion.label in found
        assert BLADE not in found

    def test_the_highest(self) -> None:
        """Of several models and modalities."""
        assert label_scores(POLICY, [("frames", evidence(GUN, 0.2)), ("audio", evidence(GUN, 0.5))])[GUN] == 0.5


class TestEffect:
    def test_a_yes_in_the_band_requires_a_review(self) -> None:
        """With the label, its meaning and who reports it."""
        plain, found = decided(POLICY), decided(POLICY, judged("yes"))
        assert (plain.action, found.action) == ("allow", "review")
        (reason,) = [reason for reason in found.reasons if reason.label == GUN]
        assert "judge@1 says yes" in reason.words

    @pytest.mark.parametrize(
        "item",
        [judged("no"), judged("unsure"), judged("yes", "random"), judged("yes", label=BLADE), judged("yes", version=2)],
    )
    def test_nothing_else_does(self, item: LabelEvidence) -> None:
        """Neither another answer, nor the random share, a label without a band, or another version."""
        assert decided(POLICY, item).action == "allow"

    def test_without_effect(self) -> None:
        """If the policy reports it, or has no judge any more."""
        for policy in (replace(POLICY, judge=replace(RULE, effect="none")), replace(POLICY, judge=None)):
            assert decided(policy, judged("yes")).action == "allow"

    def test_no_threshold_applies(self) -> None:
        """A score of 1 would block by the rule of the label."""
        policy = replace(POLICY, rules={GUN: Rule(GUN, {"block": 0.5})}, judge=replace(RULE, effect="none"))
        assert decided(policy, judged("yes")).action == "allow"

    def test_verdicts_have_every_answer(self) -> None:
        """A no is below every reporting floor, and is what reviews are compared with."""
        assert [item.score for item in decided(POLICY, judged("no")).labels] == [0.0]

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["yes", "no", "unsure"]),
                st.sampled_from(["band", "random"]),
                st.sampled_from([GUN, BLADE]),
            ),
            max_size=4,
        ),
        st.floats(0, 1),
        st.sampled_from(["review", "none"]),
    )
    def test_never_milder(self, answers: list[tuple[JudgeWord, AskedFor, str]], score: float, effect: str) -> None:
        """Whatever the judge says, the action is the one without it, or a review in place of a milder one."""
        rules = {GUN: Rule(GUN, {"limit": 0.3, "review": 0.5, "block": 0.9})}
        policy = replace(POLICY, rules=rules, judge=replace(RULE, effect=effect))  # type: ignore[arg-type]
        without = decided(policy, evidence(GUN, score)).action
        found = decided(policy, evidence(GUN, score), *(judged(*answer) for answer in answers)).action
        assert ACTIONS.index(found) >= ACTIONS.index(without)
        assert found in (without, "review")

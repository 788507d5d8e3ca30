"""The decision: thresholds, markets, the most specific path, what did not answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import msgspec
import pytest
from msgspec import UNSET, UnsetType

from schemas.engagement import Engagement, EngagementKind
from schemas.evidence import SecondLook, TextMatch
from schemas.facts import Failure
from schemas.identity import MODALITIES, Market
from schemas.outcomes import Action, ModalityStates
from streams.decision.decide import Decision, decide, decide_nothing
from streams.decision.policy import Policy, ReportRule, Rule, ShareRule, strongest
from streams.decision.policy_file import load_policy
from tests.sample_facts import feature, signal

NUDITY = "sexual/explicit/nudity"
GUNFIRE = "violence/weapons/gunfire-heard"
FIREARM = "violence/weapons/firearm-visible"
EXPLOSION = "violence/explosion/explosion-heard"
COMPLETE = ModalityStates(present=MODALITIES)


def policy(*rules: Rule, floor: float = 0.0) -> Policy:
    return Policy(
        name="test",
        version=1,
        file_hash="0" * 64,
        pending="limit",
        reporting_floor=floor,
        when_missing=dict.fromkeys(MODALITIES, "review"),
        when_failed=dict.fromkeys(MODALITIES, "limit"),
        when_absent=dict.fromkeys(MODALITIES, "allow"),
        rules={rule.path: rule for rule in rules},
    )


def decision(rules: Policy, scores: Mapping[str, float], market: Market | None = None) -> Decision:
    return decide(rules, [signal("frames", scores=scores)], COMPLETE, market)


class TestThresholds:
    """From a score to an action."""

    @pytest.mark.parametrize(
        ("score", "action"),
        [(0.49, "allow"), (0.5, "limit"), (0.69, "limit"), (0.7, "review"), (0.9, "block"), (1.0, "block")],
    )
    def test_the_strongest_threshold_reached_decides(self, score: float, action: Action) -> None:
        """A threshold counts from the score itself on."""
        rules = policy(Rule(NUDITY, {"limit": 0.5, "review": 0.7, "block": 0.9}))
        assert decision(rules, {NUDITY: score}).action == action

    def test_the_strongest_action_among_labels_decides_and_reasons_are_sorted(self) -> None:
        """A milder rule stays as a reason behind the stronger one."""
        rules = policy(Rule(GUNFIRE, {"limit": 0.5}), Rule(NUDITY, {"review": 0.5}), Rule(EXPLOSION, {"limit": 0.5}))
        found = decision(rules, {GUNFIRE: 0.6, NUDITY: 0.55, EXPLOSION: 0.9})
        assert found.action == "review"
        assert [reason.label for reason in found.reasons] == [NUDITY, EXPLOSION, GUNFIRE]

    def test_a_reason_says_score_threshold_and_meaning(self) -> None:
        """A person understands a verdict without the policy file."""
        (reason,) = decision(policy(Rule(NUDITY, {"block": 0.9})), {NUDITY: 0.95}).reasons
        assert (reason.action, reason.label, reason.score, reason.threshold) == ("block", NUDITY, 0.95, 0.9)
        assert reason.words == (
            "sexual/explicit/nudity scored 0.950, at or above the block threshold 0.9: "
            "Nudity or sexual acts, photographic."
        )

    @pytest.mark.parametrize(
        ("look", "uncleared", "action", "words"),
        [
            (
                SecondLook(at_seconds=12.4, num_frames=7, num_agree=3, is_cleared=False),
                "review",
                "review",
                "3 of 7 frames around 0:12 agree",
            ),
            (
                SecondLook(at_seconds=12.4, num_frames=7, num_agree=3, is_cleared=False),
                "allow",
                "limit",
                "3 of 7 frames around 0:12 agree",
            ),
            (
                SecondLook(at_seconds=725.0, num_frames=1, num_agree=1, is_cleared=False),
                "review",
                "review",
                "no other frame around 12:05",
            ),
            (
                SecondLook(at_seconds=12.4, num_frames=7, num_agree=1, is_cleared=True),
                "review",
                "limit",
                "1 of 7 frames around 0:12 agree",
            ),
            (UNSET, "review", "limit", "0.600"),
        ],
        ids=["not cleared", "no word on it", "nothing looked at", "cleared, and another scores", "still picture"],
    )
    def test_what_a_second_look_does_not_clear(
        self, look: SecondLook | UnsetType, uncleared: Action, action: Action, words: str
    ) -> None:
        """It is at least what the rule says; the reason says how many frames agree."""
        evidence = msgspec.structs.replace(signal("frames", scores={NUDITY: 0.6}).labels[0], second_look=look)
        found = decide(
            policy(Rule(NUDITY, {"limit": 0.5, "block": 0.9}, uncleared=uncleared)),
            [msgspec.structs.replace(signal("frames"), labels=(evidence,))],
            COMPLETE,
            None,
        )
        assert found.action == action
        assert words in found.reasons[0].words

    @pytest.mark.parametrize(("market", "named"), [(None, "any market"), ("DE", "DE")])
    def test_a_rules_own_words_name_what_they_may(self, market: Market | None, named: str) -> None:
        """Each field of the message; without a market the rule holds in any."""
        words = "{label} {score} {threshold} {action} {model} {market}"
        (reason,) = decision(policy(Rule(NUDITY, {"limit": 0.5}, words=words)), {NUDITY: 0.625}, market).reasons
        assert reason.words == f"{NUDITY} 0.625 0.5 limit model@1 {named}"

    @pytest.mark.parametrize(("found_words", "said"), [((), ""), (("one", "two"), ": one, two")])
    def test_what_text_says_is_told_with_its_place(self, found_words: tuple[str, ...], said: str) -> None:
        """People look for the words as written, and may not see those that are read out of others."""
        match = TextMatch(part="title", form="as it reads", words=found_words)
        evidence = msgspec.structs.replace(signal("context", scores={NUDITY: 0.6}).labels[0], text=match)
        answer = msgspec.structs.replace(signal("context"), labels=(evidence,))
        (reason,) = decide(policy(Rule(NUDITY, {"limit": 0.5}, words="found")), [answer], COMPLETE, None).reasons
        assert reason.words == f"found (title, as it reads{said})"

    def test_two_frames_are_enough_to_agree(self) -> None:
        """One other frame is a second opinion; none is not."""
        look = SecondLook(at_seconds=61.0, num_frames=2, num_agree=1, is_cleared=False)
        evidence = msgspec.structs.replace(signal("frames", scores={NUDITY: 0.6}).labels[0], second_look=look)
        answer = msgspec.structs.replace(signal("frames"), labels=(evidence,))
        (reason,) = decide(policy(Rule(NUDITY, {"limit": 0.5}, words="found")), [answer], COMPLETE, None).reasons
        assert reason.words == "found (1 of 2 frames around 1:01 agree)"

    def test_of_equal_actions_the_highest_score_is_told_first(self) -> None:
        """A reason without a score comes behind those with one, whatever it speaks of."""
        rules = dataclasses.replace(policy(), shares=(ShareRule("frames.share", {"review": 0.9}, "half"),))
        answers = [signal("frames", features={"frames.share": feature(0.5)})]
        states = ModalityStates(present=("frames",), missing=("audio",))
        found = decide(rules, answers, states, None)
        assert [(reason.modality, reason.score) for reason in found.reasons] == [("frames", 0.5), ("audio", None)]

    def test_two_models_that_agree_give_one_reason_and_two_evidences(self) -> None:
        """The label's best score is what the policy sees; both stay for a person to compare."""
        rules = policy(Rule(NUDITY, {"review": 0.5}))
        signals = [signal("frames", scores={NUDITY: 0.6}), signal("context", scores={NUDITY: 0.8})]
        found = decide(rules, signals, COMPLETE, None)
        assert [reason.score for reason in found.reasons] == [0.8]
        assert [item.score for item in found.labels] == [0.8, 0.6]

    @pytest.mark.parametrize(
        ("votes", "actions"),
        [((0.3, UNSET), ["review"]), ((0.4, UNSET), ["review"]), ((0.3, 0.3), []), ((UNSET, 0.3), ["review"]),
         ((0.3, 0.4), ["limit"])],
    )  # fmt: skip
    def test_two_votes(self, votes: tuple[float | UnsetType, float | UnsetType], actions: list[Action]) -> None:
        """Evidence with too low a second vote is passed over, and the label's next counts; without a vote it counts."""
        rules = policy(Rule(NUDITY, {"limit": 0.5, "review": 0.8}, second_vote=0.4))
        first, second = signal("context", scores={NUDITY: 0.9}).labels[0], 0.9 if votes[1] is UNSET else 0.6
        labels = tuple(
            msgspec.structs.replace(first, score=score, second_vote=vote)
            for score, vote in zip((0.9, second), votes, strict=True)
        )
        answer = msgspec.structs.replace(signal("context"), labels=labels)
        found = decide(rules, [answer], COMPLETE, None)
        assert [reason.action for reason in found.reasons if reason.label] == actions

    def test_evidence_below_the_floor_is_left_out(self) -> None:
        """The floor itself is reported."""
        found = decision(policy(floor=0.3), {NUDITY: 0.29, GUNFIRE: 0.3})
        assert [item.label for item in found.labels] == [GUNFIRE]

    def test_failed_signals_give_no_evidence(self) -> None:
        """Whatever a failed signal carries is not a result."""
        broken = signal("frames", scores={NUDITY: 1.0}, status="failed")
        assert decide(policy(Rule(NUDITY, {"block": 0.1})), [broken], COMPLETE, None).labels == ()


class TestPaths:
    """Rules of three levels."""

    @pytest.mark.parametrize("path", ["violence", "violence/weapons", GUNFIRE])
    def test_a_rule_of_any_level_holds_for_the_labels_below(self, path: str) -> None:
        """Area, group and label all work."""
        assert decision(policy(Rule(path, {"review": 0.5})), {GUNFIRE: 0.6}).action == "review"

    def test_the_most_specific_rule_replaces_the_broader_one(self) -> None:
        """Even where the broader one is stricter."""
        rules = policy(Rule("violence", {"block": 0.1}), Rule("violence/weapons", {"limit": 0.5}))
        assert decision(rules, {GUNFIRE: 0.6}).action == "limit"
        assert decision(rules, {EXPLOSION: 0.6}).action == "block"

    def test_a_rule_without_thresholds_is_a_carve_out(self) -> None:
        """Its label is reported and never acted upon; its siblings still are."""
        rules = policy(Rule("violence", {"block": 0.1}), Rule(GUNFIRE, {}))
        found = decision(rules, {GUNFIRE: 1.0})
        assert (found.action, [item.label for item in found.labels]) == ("allow", [GUNFIRE])
        assert decision(rules, {FIREARM: 1.0}).action == "block"

    def test_a_path_is_no_prefix_of_characters(self) -> None:
        """`violence/weapon` would not contain `violence/weapons/...`."""
        assert decision(policy(Rule("violence/explosion", {"block": 0.1})), {GUNFIRE: 1.0}).action == "allow"


class TestMarkets:
    """Thresholds by country."""

    RULES = policy(Rule(NUDITY, {"limit": 0.5}, markets={"DE": {"block": 0.8}, "US": {}}))

    @pytest.mark.parametrize(("market", "action"), [(None, "limit"), ("FR", "limit"), ("DE", "block"), ("US", "allow")])
    def test_a_market_replaces_all_thresholds_of_the_rule(self, market: Market | None, action: Action) -> None:
        """No thresholds there: not acted upon there."""
        assert decision(self.RULES, {NUDITY: 0.9}, market).action == action

    def test_a_markets_own_thresholds_are_not_mixed_with_the_rules(self) -> None:
        """Below Germany's block threshold the rule's limit does not step in."""
        assert decision(self.RULES, {NUDITY: 0.6}, "DE").action == "allow"


class TestModalities:
    """What did not answer never passes silently."""

    def test_missing_failed_and_absent_have_their_actions(self) -> None:
        """Each is a reason; absent only where the policy acts upon it."""
        states = ModalityStates(
            present=("context",), missing=("frames",), failed={"audio": Failure(cause="c", message="m")},
            absent=("motion",),
        )  # fmt: skip
        found = decide(policy(), [], states, None)
        actions = [(reason.modality, reason.action) for reason in found.reasons]
        assert actions == [("frames", "review"), ("audio", "limit")]
        assert found.action == "review"

    @pytest.mark.parametrize("action", ["limit", "review", "block"])
    def test_what_the_media_does_not_have_is_acted_upon_where_the_policy_says_so(self, action: Action) -> None:
        """For the modality that it names and no other, with a reason that names it."""
        rules = dataclasses.replace(policy(), when_absent={**dict.fromkeys(MODALITIES, "allow"), "audio": action})
        states = ModalityStates(present=("frames", "context"), absent=("audio", "motion"))
        found = decide(rules, [], states, None)
        assert found.action == action
        (reason,) = found.reasons
        assert (reason.modality, reason.action) == ("audio", action)
        assert reason.words == "The media has nothing for audio to look at."

    def test_an_allowed_failure_is_still_named(self) -> None:
        """The reason shows that something failed although the policy lets it pass."""
        states = ModalityStates(failed={"motion": Failure(cause="model-fault", message="not finite")})
        (reason,) = decide(load_policy(None), [], states, None).reasons
        assert (reason.action, reason.words) == ("allow", "motion failed (model-fault): not finite")

    def test_nothing_found_is_said_in_words(self) -> None:
        """An allow has a reason, too."""
        (reason,) = decide(policy(), [], COMPLETE, None).reasons
        assert (reason.action, reason.label) == ("allow", None)

    def test_nothing_decided_yet_is_the_pending_action(self) -> None:
        """It names what is waited for."""
        found = decide_nothing(policy(), ModalityStates(missing=("frames", "audio")))
        assert (found.action, found.reasons[0].words) == (
            "limit", "Nothing is decided yet; frames and audio still to answer.",
        )  # fmt: skip


def test_a_policy_is_named_by_name_version_and_hash() -> None:
    """Twelve digits tell two files of one version apart."""
    named = dataclasses.replace(policy(), name="market", version=7, file_hash="0123456789abcdef" * 4)
    assert named.label == "market-7@0123456789ab"


class TestStrongest:
    """The order of actions."""

    def test_order(self) -> None:
        """Allow < limit < review < block."""
        assert strongest(["limit", "block", "review"]) == "block"
        assert strongest(["allow", "limit"]) == "limit"
        assert strongest([]) == "allow"


class TestReports:
    """Viewers' reports against recent views."""

    @pytest.mark.parametrize(
        ("views", "reports", "ratio"),
        [
            (3, 3, 0.0),  # fewer reports than are ever acted upon
            (0, 6, 6 / 106),  # reports without views are views, too
            (900, 50, 0.05),
            (1_000_000, 50, 50 / 1_000_100),
        ],
    )
    def test_the_share_of_recent_views_with_a_prior(self, views: float, reports: float, ratio: float) -> None:
        """So that a handful of views makes no high share."""
        engagement = Engagement(windows={"1d": {"view": views, "report": reports}}, as_of_unix_seconds=0.0)
        assert ReportRule({}).report_ratio(engagement) == pytest.approx(ratio)

    @pytest.mark.parametrize(
        ("counts", "rule", "ratio"),
        [
            ({"view": 10.0, "report": 5.0}, ReportRule({}), 5 / 110),
            ({"view": 10.0, "report": 4.999}, ReportRule({}), 0.0),
            ({"view": 10.0}, ReportRule({}, min_reports=1.0), 0.0),
            ({"report": 0.5}, ReportRule({}, min_reports=0.5), 0.5 / 100.5),
            ({"report": 5.0}, ReportRule({}, prior_views=0.0), 1.0),
        ],
        ids=["as many as it takes", "just fewer", "no reports", "no views", "no prior"],
    )
    def test_reports_count_from_the_least_number_on(
        self, counts: dict[EngagementKind, float], rule: ReportRule, ratio: float
    ) -> None:
        """What was never counted is nothing."""
        engagement = Engagement(windows={"1d": counts}, as_of_unix_seconds=0.0)
        assert rule.report_ratio(engagement) == pytest.approx(ratio)

    def test_of_another_window_nothing_is_known(self) -> None:
        """The rule's own window counts, and no other."""
        engagement = Engagement(windows={"1h": {"report": 50.0}}, as_of_unix_seconds=0.0)
        assert ReportRule({}).report_ratio(engagement) == 0.0

    @pytest.mark.parametrize(("reports", "action"), [(40.0, "allow"), (50.0, "limit"), (200.0, "review")])
    def test_a_share_at_a_threshold_is_acted_upon(self, reports: float, action: Action) -> None:
        """With a reason that gives share and threshold."""
        rules = dataclasses.replace(policy(), reports=ReportRule({"limit": 0.05, "review": 0.2}))
        engagement = Engagement(windows={"1d": {"view": 900.0, "report": reports}}, as_of_unix_seconds=0.0)
        found = decide(rules, [], COMPLETE, None, engagement)
        assert found.action == action
        (reason,) = found.reasons
        if action != "allow":
            threshold = {"limit": 0.05, "review": 0.2}[action]
            assert (reason.score, reason.threshold) == (reports / 1000, threshold)
            assert reason.words == (
                f"Viewers report it: {reports / 1000:.3f} of recent views, "
                f"at or above the {action} threshold {threshold:g}."
            )

    def test_what_nobody_reports_reaches_no_threshold(self) -> None:
        """Not even one of 0, and not without any engagement."""
        rules = dataclasses.replace(policy(), reports=ReportRule({"block": 0.0}))
        engagement = Engagement(windows={"1d": {"view": 900.0}}, as_of_unix_seconds=0.0)
        assert [decide(rules, [], COMPLETE, None, known).action for known in (engagement, None)] == ["allow"] * 2

    def test_a_policy_without_a_word_on_reports_never_acts_on_them(self) -> None:
        """Files written before reports were known mean what they meant."""
        engagement = Engagement(windows={"1d": {"view": 0.0, "report": 1e9}}, as_of_unix_seconds=0.0)
        assert decide(policy(), [], COMPLETE, None, engagement).action == "allow"

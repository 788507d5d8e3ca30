"""Fused and held-back evidence: what a policy file says of them, and what they cause."""

from __future__ import annotations

import itertools
from dataclasses import replace

import msgspec
import pytest
from msgspec import UNSET

from models.card_registry import CARDS
from schemas.codec import encode
from schemas.evidence import UNMEASURED, LabelEvidence
from schemas.facts import Signal
from schemas.outcomes import Action, ModalityStates, Verdict
from streams.decision.cost import Prices
from streams.decision.decide import Decision, decide
from streams.decision.fold import fold
from streams.decision.outcome import FoldContext
from streams.decision.policy import Policy, Rule
from streams.decision.policy_checks import InvalidPolicy
from streams.decision.policy_file import load_policy, parse_policy
from tests.sample_facts import EXPECTED, accepted, evidence, signal

SEEN, HEARD, USED = (f"violence/weapons/{name}" for name in ("firearm-visible", "gunfire-heard", "firearm-use"))
ALCOHOL = "alcohol/drinking/alcohol-visible"
DEFAULT = load_policy(None)
HEAD = "name: test\nversion: 1\nrules: []\nfusion:\n"
RULE = f"  - label: {USED}\n    version: 1\n    all_of: [{{{SEEN}: 0.5}}, {{{HEARD}: 0.6}}]\n"


def decided(policy: Policy, *signals: Signal) -> Decision:
    return decide(policy, signals, ModalityStates(), None)


def held(label: str, score: float, reason: str = UNMEASURED) -> Signal:
    item = msgspec.structs.replace(evidence(label, score), held_back=reason, uncalibrated=True)
    return signal("frames", labels=(item,))


class TestDefaultPolicy:
    """What holds out of the box."""

    def test_both_together_are_reviewed_and_neither_alone(self) -> None:
        """Evidence that is too weak for a rule of its own."""
        seen, heard = signal("frames", scores={SEEN: 0.6}), signal("audio", scores={HEARD: 0.29})
        assert [decided(DEFAULT, *each).action for each in ([seen], [heard], [seen, heard])] == [
            "allow",
            "allow",
            "review",
        ]
        reason = decided(DEFAULT, seen, heard).reasons[0]
        assert reason.label == USED
        assert f"({HEARD} 0.29, {SEEN} 0.60)" in reason.words

    def test_certainty_of_both_is_a_review_at_most(self) -> None:
        """Nothing in it was learned, whatever a platform's thresholds are."""
        policy = replace(DEFAULT, rules={USED: Rule(USED, {"block": 0.4})})
        found = decided(policy, signal("frames", scores={SEEN: 1.0}), signal("audio", scores={HEARD: 1.0}))
        assert found.action == "review"

    def test_text_without_its_second_vote_is_no_source(self) -> None:
        """A word that may not limit a title by itself does not make an armed threat of a toy gun."""
        threat = "violence/threats/threat-in-text"
        seen = signal("frames", scores={SEEN: 0.8})
        for vote, labels in ((0.1, set()), (0.9, {"violence/threats/armed-threat"})):
            item = LabelEvidence(label=threat, score=0.75, model="m@1", second_vote=vote)
            found = decided(DEFAULT, seen, signal("context", labels=(item,)))
            assert {each.label for each in found.labels if each.model.startswith("fusion@")} == labels

    def test_in_any_order_of_arrival_the_outcome_is_the_same(self) -> None:
        """A redelivery after a rebalance, a rebuild and `analyze` fold signals in other orders."""
        scores = {"frames": {SEEN: 0.37}, "audio": {HEARD: 0.71}, "context": {}, "motion": {}}
        signals = [signal(modality, scores=scores[modality]) for modality in EXPECTED]
        verdicts = {_verdict(order) for order in itertools.permutations(signals)}
        assert len(verdicts) == 1
        assert "fusion@1" in {item.model for item in msgspec.json.decode(verdicts.pop(), type=Verdict).labels}


def _verdict(signals: tuple[Signal, ...]) -> bytes:
    context = FoldContext(DEFAULT, Prices(1.0, 1.0, 1.0, 1.0), log_generation=1, now_unix_seconds=1_700_000_100.0)
    folded = fold(None, accepted(), 0, context)
    for offset, each in enumerate(signals, start=1):
        folded = fold(folded.state, each, offset, context)
    assert folded.outcome is not None
    return encode(folded.outcome.verdict)


class TestHeldBack:
    """Labels whose scores nobody measured."""

    def test_the_classifier_says_four_labels_so(self) -> None:
        """Those that it says of classes that it computes anyway."""
        card = CARDS["efficientnet-lite0"]
        labels = {source.label for source in card.labels}
        assert {label.rpartition("/")[2] for label in labels if not card.is_measured(label)} == {
            "alcohol-visible",
            "gambling-visible",
            "swimwear-or-underwear",
            "blade-visible",
        }

    @pytest.mark.parametrize("label", [ALCOHOL, "gambling/betting/gambling-visible", "violence/weapons/blade-visible"])
    def test_a_rule_of_their_area_does_not_act(self, label: str) -> None:
        """It was written for models whose scores mean something; people see the evidence all the same."""
        assert decided(DEFAULT, signal("frames", scores={label: 1.0})).action != "allow"
        found = decided(DEFAULT, held(label, 1.0))
        assert (found.action, [item.held_back for item in found.labels]) == ("allow", [UNMEASURED])

    @pytest.mark.parametrize(("most", "action"), [("limit", "limit"), ("review", "review"), ("block", "review")])
    def test_a_policy_may_let_them_act(self, most: Action, action: Action) -> None:
        """Up to an action, and to a review."""
        policy = replace(DEFAULT, rules={ALCOHOL: Rule(ALCOHOL, {"block": 0.5}, unmeasured=most)})
        assert decided(policy, held(ALCOHOL, 0.9)).action == action
        assert decided(policy, held(ALCOHOL, 0.9, "shadow")).action == "allow"

    def test_they_hide_no_other_evidence(self) -> None:
        """A model that was measured acts on the same label, with a lower score."""
        both = (*held(ALCOHOL, 1.0).labels, evidence(ALCOHOL, 0.85))
        found = decided(DEFAULT, signal("frames", labels=both))
        assert (found.action, found.reasons[0].score) == ("limit", 0.85)

    def test_a_rule_reads_it(self) -> None:
        """In the file as `unmeasured`."""
        rule = f"rules:\n  - label: {ALCOHOL}\n    thresholds: {{}}\n    unmeasured: limit\n"
        assert parse_policy(f"name: a\nversion: 1\n{rule}".encode()).rules[ALCOHOL].unmeasured == "limit"


class TestFile:
    """The part `fusion` of a policy."""

    def test_a_policy_without_it_fuses_nothing(self) -> None:
        """An older file decides as before."""
        assert parse_policy(b"name: a\nversion: 1\nrules: []\n").fusion == ()

    def test_defaults(self) -> None:
        """What is not said."""
        (rule,) = parse_policy((HEAD + RULE).encode()).fusion
        assert (rule.all_of, rule.sources) == (({SEEN: 0.5}, {HEARD: 0.6}), (SEEN, HEARD))
        assert (rule.least_score, rule.within_seconds, rule.head, rule.is_shadow) == (0.2, None, None, False)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (RULE.replace(USED, "violence/weapons"), "$.fusion[0].label is 'violence/weapons'"),
            (RULE.replace("0.5", "0"), f"$.fusion[0].all_of[0].{SEEN} is 0; allowed: a number above 0, up to 1"),
            (RULE.replace(f", {{{HEARD}: 0.6}}", ""), "allowed: two groups of sources or more"),
            (RULE.replace(f"{{{HEARD}: 0.6}}", "{}"), "$.fusion[0].all_of[1] is {}; allowed: one source or more"),
            (RULE + "    within_seconds: -1\n", "$.fusion[0].within_seconds is -1; allowed: a finite number from 0"),
            (RULE + "    shadow: maybe\n", "$.fusion[0].shadow is 'maybe'; allowed: true, false"),
            (RULE + RULE, "$.fusion[1].version is 1; allowed: another one than the label has in an earlier rule"),
            (RULE + RULE.replace("version: 1", "version: 2"), "$.fusion[1].label"),
            (
                RULE + RULE.replace(USED, ALCOHOL).replace(SEEN, USED),
                f"'{USED}'; allowed: labels that no rule fuses",
            ),
            (RULE + f"    head: {{bias: 0, weights: {{{SEEN}: -1}}}}\n", f"head.weights.{SEEN} is -1"),
            (RULE + f"    head: {{bias: 0, weights: {{{ALCOHOL}: 1}}}}\n", "a key of $.fusion[0].head.weights"),
            (RULE + f"    head: {{bias: 0, weights: {{{SEEN}: 1}}}}\n", "head.shadowed is 0; allowed: at least 50"),
        ],
    )
    def test_mistakes(self, text: str, expected: str) -> None:
        """Each message has the place, the value found and what is allowed."""
        with pytest.raises(InvalidPolicy) as caught:
            parse_policy((HEAD + text).encode())
        assert expected in str(caught.value)

    def test_a_head_begins_as_a_shadow(self) -> None:
        """Its evidence is stated and decides nothing; after enough reviewed videos it may decide."""
        head = f"    head: {{bias: 9, weights: {{{SEEN}: 1}}, shadowed: 60}}\n"
        rules = f"rules: [{{label: {USED}, thresholds: {{block: 0.5}}}}]\n"
        signals = signal("frames", scores={SEEN: 0.5}), signal("audio", scores={HEARD: 0.5})
        for shadow, action in (("true", "allow"), ("false", "block")):
            text = f"name: a\nversion: 1\n{rules}fusion:\n{RULE}{head}    shadow: {shadow}\n"
            found = decided(parse_policy(text.encode()), *signals)
            assert (found.action, found.labels[0].model) == (action, "fusion@1")

    def test_evidence_of_models_has_no_new_fields(self) -> None:
        """Signals have the same bytes as before."""
        assert set(msgspec.to_builtins(evidence(SEEN, 0.5))) == {"label", "score", "model", "segments"}
        assert evidence(SEEN, 0.5).fused_from is UNSET

"""Policy files: what is read, and how mistakes are told."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.labels import LABELS
from schemas.outcomes import ACTIONS
from streams.decision.policy_checks import InvalidPolicy
from streams.decision.policy_file import load_policy, parse_policy

HEAD = "name: test\nversion: 2\n"
RULE = "rules:\n  - label: sexual\n    thresholds: {review: 0.5}\n"


def message_of(text: str) -> str:
    with pytest.raises(InvalidPolicy) as caught:
        parse_policy(text.encode())
    return str(caught.value)


class TestReading:
    """A right file."""

    def test_defaults(self) -> None:
        """What is not said is cautious: review, and a silent film passes."""
        policy = parse_policy((HEAD + RULE).encode())
        assert (policy.name, policy.version, policy.pending, policy.reporting_floor) == ("test", 2, "review", 0.0)
        assert set(policy.when_missing.values()) == set(policy.when_failed.values()) == {"review"}
        assert set(policy.when_absent.values()) == {"allow"}

    def test_second_vote(self) -> None:
        """It is 0, which any evidence has, unless the rule gives another."""
        policies = (parse_policy((HEAD + RULE + end).encode()) for end in ("", "    second_vote: 0.4\n"))
        assert [policy.rules["sexual"].second_vote for policy in policies] == [0.0, 0.4]
        assert "second_vote" in message_of(HEAD + RULE + "    second_vote: 2\n")

    def test_norway_is_a_market(self) -> None:
        """YAML 1.1 would read NO as false."""
        policy = parse_policy((HEAD + RULE + "    markets: {NO: {block: 0.9}}\n").encode())
        assert policy.rules["sexual"].thresholds_in("NO") == {"block": 0.9}

    def test_the_name_in_verdicts_changes_with_every_byte(self) -> None:
        """A verdict names the file that decided it."""
        first, second = (parse_policy((HEAD + RULE + end).encode()).label for end in ("", "# a remark\n"))
        assert first.startswith("test-2@")
        assert first != second


class TestDefaultPolicy:
    """The packaged policy."""

    def test_it_is_valid_and_cautious(self) -> None:
        """Missing or failed evidence goes to review, except for motion, which carries no labels."""
        policy = load_policy(None)
        assert policy.when_missing == {"frames": "review", "audio": "review", "motion": "allow", "context": "review"}
        assert policy.when_failed == policy.when_missing

    @pytest.mark.parametrize("label", sorted(LABELS))
    def test_every_label_has_a_rule(self, label: str) -> None:
        """No label of the taxonomy is forgotten; an exemption is a rule, too."""
        assert load_policy(None).rule_for(label) is not None

    @pytest.mark.parametrize(
        "label", sorted(label for label in LABELS if label.endswith(("-heard", "-text", "firearm-visible")))
    )
    def test_weak_models_never_block(self, label: str) -> None:
        """Sound, text and low-trust labels lead to a person at most."""
        rule = load_policy(None).rule_for(label)
        assert rule is not None
        assert "block" not in rule.thresholds

    @pytest.mark.parametrize("label", ["sexual/explicit/nudity", "violence/weapons/firearm-visible"])
    def test_one_frame_is_reviewed_unless_it_is_cleared(self, label: str) -> None:
        """Labels that a single frame can decide ask for a person, whatever action its score alone would have."""
        rule = load_policy(None).rule_for(label)
        assert rule is not None
        assert rule.uncleared == "review"


class TestMistakes:
    """Each message has the place, the value found and what is allowed."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("just text", "$ is 'just text'; allowed: a mapping with the keys name, version"),
            (HEAD, "$ lacks the key 'rules'"),
            (HEAD + "pendin: review\n" + RULE, "a key of $ is 'pendin'; allowed: name, version, pending"),
            (HEAD + "pendin: review\n" + RULE, "did you mean 'pending'?"),
            (HEAD + "pending: deny\n" + RULE, "$.pending is 'deny'; allowed: allow, limit, review, block"),
            ("name: x\nversion: one\n" + RULE, "$.version is 'one'; allowed: a whole number from 1"),
            ("name: ''\nversion: 1\n" + RULE, "$.name is ''; allowed: a text that is not empty"),
            (HEAD + "when_missing: {sound: review}\n" + RULE, "a key of $.when_missing is 'sound'"),
            (HEAD + "when_failed: {audio: revie}\n" + RULE, "$.when_failed.audio is 'revie'"),
            (HEAD + "rules: {}\n", "$.rules is {}; allowed: a list"),
            (HEAD + "rules:\n  - label: sexual\n", "$.rules[0] lacks the key 'thresholds'"),
            (
                HEAD + RULE + "  - label: violence/weapon\n    thresholds: {}\n",
                "$.rules[1].label is 'violence/weapon'; allowed:",
            ),
            (HEAD + RULE + "  - label: violence/weapon\n    thresholds: {}\n", "did you mean 'violence/weapons'?"),
            (HEAD + RULE + "  - label: sexual\n    thresholds: {}\n", "$.rules[1].label is 'sexual'; allowed: one"),
            (HEAD + RULE.replace("0.5", "1.5"), "$.rules[0].thresholds.review is 1.5; allowed: a number from 0 to 1"),
            (HEAD + RULE.replace("0.5", ".nan"), "$.rules[0].thresholds.review is nan"),
            (HEAD + RULE.replace("0.5", "high"), "$.rules[0].thresholds.review is 'high'"),
            (HEAD + RULE.replace("review", "ban"), "a key of $.rules[0].thresholds is 'ban'"),
            (
                HEAD + RULE.replace("review: 0.5", "limit: 0.6, block: 0.5"),
                "$.rules[0].thresholds.block is 0.5; allowed: at least limit's threshold 0.6",
            ),
            (
                HEAD + "reporting_floor: 0.6\n" + RULE,
                "$.rules[0].thresholds.review is 0.5; allowed: at least the reporting floor 0.6",
            ),
            (HEAD + RULE + "    markets: {Germany: {}}\n", "a key of $.rules[0].markets is 'Germany'"),
            (HEAD + RULE + "    markets: {DE: {block: 7}}\n", "$.rules[0].markets.DE.block is 7"),
            (
                HEAD + RULE + "    uncleared: deny\n",
                "$.rules[0].uncleared is 'deny'; allowed: allow, limit, review, block",
            ),
            (HEAD + RULE + "    words: '{scores}'\n", "a name in braces of $.rules[0].words is 'scores'"),
            (HEAD + RULE + "    words: '{score.real}'\n", "is 'score.real'"),
            (HEAD + RULE + "    words: '{score:>99999999}'\n", "{score} without a format"),
            (HEAD + RULE + "    words: '{score'\n", "balanced braces"),
            (HEAD + "name: again\n" + RULE, "key 'name' is given twice"),
            (HEAD + "? [a]\n: b\n" + RULE, "a key is a sequence"),
            (HEAD + "? {a: b}\n: c\n" + RULE, "a key is a mapping"),
            ("&a {b: *a}\n", "b"),
            (HEAD + "rules: [\n", "not YAML in UTF-8"),
            ("!!python/object/apply:os.getcwd []", "not YAML in UTF-8"),
        ],
    )
    def test_message(self, text: str, expected: str) -> None:
        """The message contains what a person needs to mend the file."""
        assert expected in message_of(text)

    def test_a_file_is_named(self, tmp_path: Path) -> None:
        """A message about a file begins with its name."""
        path = tmp_path / "policy.yaml"
        path.write_text(HEAD)
        with pytest.raises(InvalidPolicy, match=r"policy\.yaml.*lacks the key 'rules'"):
            load_policy(path)

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        """It is an invalid policy, never the default instead."""
        with pytest.raises(InvalidPolicy, match="cannot be read: No such file"):
            load_policy(tmp_path / "none.yaml")

    def test_all_actions_may_be_thresholds(self) -> None:
        """Allow, too: it names a label's harmless range among the reasons."""
        thresholds = ", ".join(f"{action}: 0.{index + 1}" for index, action in enumerate(ACTIONS))
        policy = parse_policy((HEAD + RULE.replace("review: 0.5", thresholds)).encode())
        assert tuple(policy.rules["sexual"].thresholds) == ACTIONS


_FRAGMENTS = st.sampled_from(
    [
        "name: p\n", "rules:\n", "  - ", "label: x\n", "? [a]\n", ": b\n", "&a ", "*a", "<<: ", "{", "}", "[", "]",
        "!!map ", "!!set ", "!!binary ", "!!timestamp ", "2026-13-45", "? ", "- ", "\n", "  ", "'", '"', "%YAML 9.9\n",
        "---\n", "\t", "when_missing: ", "1e999", ".nan", "0x", "null", "~",
    ]
)  # fmt: skip


@given(st.lists(st.one_of(_FRAGMENTS, st.text(max_size=5)), max_size=12).map("".join))
@settings(max_examples=2_000)
def test_any_text_is_a_policy_or_refused(text: str) -> None:
    """Whatever stands in the file, the answer is a policy or a message for people."""
    content = text.encode("utf-8", "surrogatepass")
    try:
        policy = parse_policy(content)
    except InvalidPolicy as refusal:
        assert str(refusal)
    else:
        assert policy.file_hash == hashlib.sha256(content).hexdigest()

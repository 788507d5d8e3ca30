"""The fold where somebody decides again: a person, or a changed policy."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from schemas.facts import Fact
from schemas.outcomes import Reason, Reviewed, Version
from streams.decision.fold import Folded, fold
from streams.decision.outcome import FoldContext
from streams.decision.state import VideoState
from tests.sample_facts import accepted, deadline, signal
from tests.unit.streams.verdict.folding import (
    ALL_SIGNALS,
    NUDITY,
    POLICY,
    PRICES,
    STRICT,
    context,
    deleted,
    fold_all,
    last_outcome,
    policy_changed,
    review,
    statuses,
    summary,
)


class TestReview:
    """A person's word is the action of its revision, whatever the policy says."""

    def test_a_person_overrules_the_policy_and_the_verdict_says_both(self) -> None:
        """The person's reason comes first, the policy's stay, and evidence and features are as before."""
        folded = fold_all([accepted(), signal("frames", scores={NUDITY: 0.99}), *ALL_SIGNALS[1:], review("allow")])
        before, after = (step.outcome.verdict for step in folded[-2:] if step.outcome)
        assert (before.action, before.reviewed, after.status, after.action) == ("block", None, "final", "allow")
        assert after.reviewed == Reviewed(reviewer="r", reason="seen", event_unix_seconds=0.0, policy_action="block")
        assert after.reasons == (Reason(action="allow", words="Reviewed by r: seen"), *before.reasons)
        assert (after.labels, after.version > before.version) == (before.labels, True)

    def test_what_comes_later_of_its_revision_does_not_change_the_action(self) -> None:
        """Neither reports nor better signals; what the policy would do is told."""
        later = [summary(reports=60.0), signal("frames", generation=2, scores={NUDITY: 0.99})]
        folded = fold_all([accepted(), *ALL_SIGNALS, review("allow"), *later])
        verdicts = [step.outcome.verdict for step in folded[-3:] if step.outcome]
        assert [verdict.action for verdict in verdicts] == ["allow"] * 3
        said = [verdict.reviewed.policy_action for verdict in verdicts if verdict.reviewed]
        assert said == ["allow", "review", "block"]

    def test_a_person_may_decide_before_the_models(self) -> None:
        """The verdict stays pending, as its evidence is, and the action holds from then on."""
        folded = fold_all([accepted(), review("block"), *ALL_SIGNALS])
        assert statuses(folded) == ["pending", "pending", None, None, None, "final"]
        assert [step.outcome.verdict.action for step in folded[1:] if step.outcome] == ["block", "block"]

    def test_the_later_review_holds(self) -> None:
        """Reviews may overtake each other, and one that is sent twice counts once."""
        folded = fold_all([accepted(), review("allow", at=5.0), review("block", at=4.0), review("allow", at=5.0)])
        assert [step.ignored for step in folded[-2:]] == ["older-review"] * 2
        folded = fold_all([accepted(), review("allow", at=5.0), review("block", at=6.0)])
        assert last_outcome(folded).verdict.action == "block"

    def test_it_is_of_its_revision_alone(self) -> None:
        """New content has to be looked at again; a review of another revision is not heard."""
        folded = fold_all([accepted(), review("block"), accepted(2), review("allow"), review("allow", revision=3)])
        assert last_outcome(folded).verdict.reviewed is None
        assert [step.ignored for step in folded[-2:]] == ["older-revision", "not-accepted"]

    def test_a_policy_of_another_day_leaves_it(self) -> None:
        """The fold asks the policy what it says, and the person what holds."""
        strict = replace(POLICY, when_missing=dict.fromkeys(POLICY.when_missing, "block"))
        state = fold_all([accepted(), *ALL_SIGNALS[1:], review("allow")])[-1].state
        after = fold(state, deadline(), 9, FoldContext(strict, PRICES, 0, 0.0)).outcome
        assert after is not None
        assert after.verdict.reviewed is not None
        assert (after.verdict.action, after.verdict.reviewed.policy_action) == ("allow", "block")


class TestChangedPolicy:
    """What was decided is decided again when the log says that the policy changed, and only then."""

    RUDE = (accepted(), signal("frames", scores={NUDITY: 0.7}), *ALL_SIGNALS[1:])

    def test_a_final_verdict_is_decided_again_from_the_same_signals(self) -> None:
        """Action, reasons and policy are new, under the version of the record; evidence and features are as before."""
        folded = fold_all(self.RUDE)
        before, after = last_outcome(folded), self._judged_again(folded).outcome
        assert after is not None
        assert (before.verdict.action, after.verdict.action) == ("limit", "block")
        assert (after.verdict.status, after.verdict.policy) == ("final", STRICT.label)
        assert after.version == Version(revision=1, generation=0, offset=5)
        assert (after.verdict.labels, after.record.features) == (before.verdict.labels, before.record.features)

    def test_a_provisional_verdict_stays_provisional(self) -> None:
        """What is missing is judged again, too, and a later signal still amends it."""
        folded = fold_all([accepted(), *ALL_SIGNALS[1:], deadline()])
        judged = self._judged_again(folded)
        assert judged.outcome is not None
        assert (judged.outcome.verdict.status, judged.outcome.verdict.action) == ("provisional", "block")
        assert statuses(fold_all([ALL_SIGNALS[0]], judged.state, first_offset=6)) == ["final"]

    def test_a_persons_word_stands(self) -> None:
        """And it is told what the new policy would do."""
        after = self._judged_again(fold_all([*self.RUDE[:-1], review("allow"), self.RUDE[-1]])).outcome
        assert after is not None
        assert after.verdict.reviewed is not None
        assert (after.verdict.action, after.verdict.reviewed.policy_action) == ("allow", "block")

    def test_sent_twice_it_says_the_same_again(self) -> None:
        """Under a version of its own, whatever policy is asked for: versions hang on facts alone."""
        folded = fold_all([*self.RUDE, policy_changed(), policy_changed()])
        first, second = (step.outcome for step in folded[-2:])
        assert first is not None
        assert second is not None
        assert (first.verdict.action, second.version > first.version) == (second.verdict.action, True)

    def test_a_redelivery_changes_nothing(self) -> None:
        """As with every fact."""
        state = fold_all([*self.RUDE, policy_changed()])[-1].state
        assert fold(state, policy_changed(), 5, context()) == Folded(state, None, "already-applied")

    @pytest.mark.parametrize(
        ("facts", "revision", "cause"),
        [
            ([accepted(), *ALL_SIGNALS[1:]], 1, "still-pending"),
            ([accepted(), review("block")], 1, "still-pending"),
            ([accepted(), *ALL_SIGNALS, accepted(2)], 1, "older-revision"),
            ([accepted(), *ALL_SIGNALS], 2, "not-accepted"),
            ([signal(), *ALL_SIGNALS[1:]], 1, "not-accepted"),
            ([accepted(), *ALL_SIGNALS, deleted()], 1, "forgotten"),
        ],
    )
    def test_where_nothing_is_decided(self, facts: list[Fact], revision: int, cause: str) -> None:
        """Each is counted under its cause, and the state stays what it was but for the place in the log."""
        state = fold_all(facts)[-1].state
        folded = fold(state, policy_changed(revision), 9, context())
        assert state is not None
        assert (folded.ignored, folded.outcome) == (cause, None)
        assert folded.state == msgspec.structs.replace(state, applied_offset=9)

    def test_a_verdict_without_its_facts_stands(self) -> None:
        """A rebuild that kept it sealed it: there are no signals to decide from."""
        sealed = VideoState(log_generation=0, applied_offset=4, sealed_revision=1)
        assert fold(sealed, policy_changed(), 5, context()).ignored == "facts-gone"

    def _judged_again(self, folded: list[Folded]) -> Folded:
        """By a worker that has the stricter policy."""
        return fold(folded[-1].state, policy_changed(), len(folded), FoldContext(STRICT, PRICES, 0, 0.0))

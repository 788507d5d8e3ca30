"""The fold, case by case: what a fact changes in a state of each kind, and why it changes nothing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from schemas.facts import Accepted, Fact, SourceOffset
from schemas.outcomes import Version
from streams.decision.deletions import Deletion
from streams.decision.fold import fold, fold_next
from streams.decision.order import OffsetsOutOfOrder
from streams.decision.state import VideoState, modality_states, with_signal
from tests.sample_facts import absent_signal, accepted, deadline, failed_signal, signal
from tests.unit.streams.verdict.folding import (
    ALL_SIGNALS,
    context,
    deleted,
    fold_all,
    policy_changed,
    review,
    statuses,
    summary,
)


def at(offset: int, partition: int = 0, revision: int = 2, **fields: Any) -> Accepted:
    """An upload of a revision, from a place among the uploads."""
    return accepted(revision, source=SourceOffset(topic="video.uploaded", partition=partition, offset=offset), **fields)


def about(revision: int) -> dict[str, Fact]:
    """One fact of each kind that is about a revision."""
    return {
        "signal": signal("frames", revision),
        "deadline": deadline(revision),
        "review": review("block", revision=revision),
        "policy": policy_changed(revision),
    }


SEALED = VideoState(log_generation=0, applied_offset=5, sealed_revision=2)
"""A rebuild kept the outcome of revision 2 without the facts behind it."""
FORGOTTEN = VideoState(log_generation=0, applied_offset=5, forgotten_revision=2)
"""Deleted up to revision 2."""
LIVE = fold_all([at(3)])[-1].state
"""Revision 2, pending."""


class TestWhyNothingChanges:
    @pytest.mark.parametrize(
        ("state", "revision", "causes"),
        [
            (SEALED, 2, dict.fromkeys(about(1), "facts-gone")),
            (SEALED, 1, dict.fromkeys(about(1), "older-revision")),
            (FORGOTTEN, 2, dict.fromkeys(about(1), "forgotten")),
            (FORGOTTEN, 1, {**dict.fromkeys(about(1), "older-revision"), "signal": "forgotten"}),
            (LIVE, 1, dict.fromkeys(about(1), "older-revision")),
            *(
                (state, 3, {**dict.fromkeys(about(1), "not-accepted"), "signal": None})
                for state in (SEALED, FORGOTTEN, LIVE)
            ),
            (LIVE, 2, {"signal": None, "deadline": None, "review": None, "policy": "still-pending"}),
        ],
        ids=[
            "sealed", "below the sealed one", "forgotten", "below the forgotten one", "below the live one",
            "above the sealed one", "above the forgotten one", "above the live one", "live",
        ],
    )  # fmt: skip
    def test_facts_about_a_revision(self, state: VideoState, revision: int, causes: dict[str, str | None]) -> None:
        """What is ignored raises the applied offset and nothing else."""
        for kind, fact in about(revision).items():
            folded = fold(state, fact, 9, context())
            assert (kind, folded.ignored) == (kind, causes[kind])
            assert folded.state is not None and folded.state.applied_offset == 9
            if folded.ignored:
                assert folded.outcome is None
                assert msgspec.structs.replace(folded.state, applied_offset=state.applied_offset) == state

    @pytest.mark.parametrize(("state", "cause"), [(SEALED, "facts-gone"), (FORGOTTEN, "forgotten"), (LIVE, None)])
    def test_engagement(self, state: VideoState, cause: str | None) -> None:
        """It is about the video, and of no use where nothing of that is known."""
        folded = fold(state, summary(), 9, context())
        assert (folded.ignored, folded.outcome) == (cause, None)

    def test_engagement_that_is_known_otherwise(self) -> None:
        """Of the same time and as many events the later word counts; the same word again changes nothing."""
        steps = fold_all([accepted(), summary(reports=1.0), summary(reports=2.0), summary(reports=2.0)])
        assert [step.ignored for step in steps] == [None, None, None, "older-summary"]
        state = steps[-1].state
        assert state is not None and state.engagement is not None
        assert state.engagement.windows["1d"]["report"] == 2.0

    @pytest.mark.parametrize(
        ("state", "revision", "cause"),
        [
            (SEALED, 2, "known-revision"),
            (SEALED, 1, "older-revision"),
            (SEALED, 3, None),
            (FORGOTTEN, 2, "forgotten"),
            (FORGOTTEN, 1, "forgotten"),
            (FORGOTTEN, 3, None),
            (LIVE, 1, "older-revision"),
            (LIVE, 3, None),
        ],
    )
    def test_uploads(self, state: VideoState, revision: int, cause: str | None) -> None:
        """A higher revision begins again, and is published as pending."""
        folded = fold(state, at(8, revision=revision), 9, context())
        assert folded.ignored == cause
        assert (folded.outcome is not None) == (cause is None)
        assert folded.state is not None
        if cause is None:
            assert (folded.state.revision, folded.state.forgotten_revision) == (3, 0)
            assert folded.state.version == Version(revision=3, generation=0, offset=9)


class TestFoldNext:
    def test_folds_in_the_order_of_the_log(self) -> None:
        """Step by step as `fold` does."""
        state = None
        for offset, fact in enumerate([accepted(), *ALL_SIGNALS, deadline()]):
            folded = fold_next(state, fact, offset, context())
            assert folded == fold(state, fact, offset, context())
            state = folded.state

    @pytest.mark.parametrize("offset", [4, 5])
    def test_a_fact_that_comes_after_a_later_one_is_an_error(self, offset: int) -> None:
        """It would be lost without a word; the message names both offsets."""
        with pytest.raises(OffsetsOutOfOrder, match=f"offset {offset} of 'video-1' was folded after offset 5"):
            fold_next(SEALED, signal(), offset, context())


class TestUploadsOfOneRevision:
    @pytest.mark.parametrize(
        ("offset", "kept", "cause"), [(2, 2, None), (3, 3, "known-revision"), (4, 3, "known-revision")]
    )
    def test_the_lowest_place_counts(self, offset: int, kept: int, cause: str | None) -> None:
        """What was accepted first stands in all else, and nothing is published again."""
        folded = fold_all([at(3, title="first"), at(offset, title="second")])[-1]
        assert folded.state is not None and folded.state.accepted is not None
        assert (folded.ignored, folded.outcome) == (cause, None)
        assert (folded.state.accepted.source.offset, folded.state.accepted.title) == (kept, "first")
        assert not folded.state.is_uploaded_elsewhere

    def test_places_that_do_not_compare_are_remembered(self) -> None:
        """From then on no place of it is lowered, and a deletion of one partition takes it all the same."""
        steps = fold_all([at(3), at(1, partition=1), at(2), at(0, partition=1)])
        assert [step.ignored for step in steps] == [None, None, "known-revision", "known-revision"]
        state = steps[-1].state
        assert state is not None and state.accepted is not None
        assert (state.is_uploaded_elsewhere, state.accepted.source.offset) == (True, 3)
        higher = fold(state, at(9, revision=3), 9, context()).state
        assert higher is not None and not higher.is_uploaded_elsewhere


class TestWhatWaits:
    def test_it_joins_its_revision_and_waits_no_more(self) -> None:
        """That of lower revisions is dropped; that of higher ones goes on waiting."""
        early = [signal("frames", revision) for revision in (1, 2, 3)]
        steps = fold_all([*early, at(3)])
        state = steps[-1].state
        assert state is not None
        assert (state.signals, state.waiting) == ({"frames": early[1]}, {3: {"frames": early[2]}})

    def test_a_waiting_signal_competes(self) -> None:
        """One that does not beat the other is ignored."""
        steps = fold_all([signal("frames", 2), failed_signal("frames", 2), signal("frames", 2, generation=2)])
        assert [step.ignored for step in steps] == [None, "not-better", None]
        assert steps[-1].state is not None
        assert steps[-1].state.waiting[2]["frames"].generation == 2

    @pytest.mark.parametrize(
        ("revision", "waiting", "cause"), [(2, {3, 4, 5}, "too-many-waiting"), (6, {4, 5, 6}, None)]
    )
    def test_the_highest_are_kept(self, revision: int, waiting: set[int], cause: str | None) -> None:
        """Where more would wait than there is room for."""
        step = fold_all([*(signal("frames", number) for number in (3, 4, 5)), signal("frames", revision)])[-1]
        assert step.state is not None
        assert (set(step.state.waiting), step.ignored) == (waiting, cause)

    def test_a_deleted_video_publishes_nothing_for_a_signal_that_waits(self) -> None:
        """The version of the deletion stays."""
        steps = fold_all([accepted(), deleted(), signal("frames", 2)])
        before, after = steps[1].state, steps[2].state
        assert before is not None and after is not None
        assert (after.version, set(after.waiting), steps[2].outcome) == (before.version, {2}, None)


class TestWhatIsWorthSaying:
    @pytest.mark.parametrize(
        ("facts", "expected"),
        [
            ([accepted(), review("block")], ["pending", "pending"]),
            ([accepted(), review("block"), review("allow")], ["pending", "pending", None]),
            ([accepted(), review("block"), review("allow", at=1.0)], ["pending", "pending", "pending"]),
            ([accepted(), summary()], ["pending", None]),
            ([accepted(), deadline(), summary()], ["pending", "provisional", "provisional"]),
            ([accepted(), deadline(), policy_changed()], ["pending", "provisional", "provisional"]),
            ([accepted(), deadline(), deadline()], ["pending", "provisional", None]),
            ([accepted(), *ALL_SIGNALS, deadline()], ["pending", None, None, None, "final", None]),
            ([accepted(expected=()), summary()], ["final", "final"]),
        ],
    )
    def test_each_fact(self, facts: list[Fact], expected: list[str | None]) -> None:
        """A person at any time, evidence once something is decided, a policy only then."""
        assert statuses(fold_all(facts)) == expected

    def test_a_deadline_says_why_it_changes_nothing(self) -> None:
        """After the final verdict, and the second time."""
        assert fold_all([accepted(expected=()), deadline()])[-1].ignored == "already-decided"
        assert fold_all([accepted(), deadline(), deadline()])[-1].ignored == "already-fired"

    def test_a_review_no_later_than_the_known_one_is_ignored(self) -> None:
        """And the known one stays."""
        step = fold_all([accepted(), review("block", at=5.0), review("allow", at=5.0)])[-1]
        assert step.ignored == "older-review"
        assert step.state is not None and step.state.review is not None
        assert step.state.review.action == "block"


class TestDeletionByRevision:
    def test_what_was_known_is_withdrawn(self) -> None:
        """The highest revision that was accepted; waiting signals of higher ones stay, all else goes."""
        steps = fold_all([accepted(), summary(), signal("frames", 2), signal("frames", 4), deleted(3)])
        state = steps[-1].state
        assert state == VideoState(
            log_generation=0,
            applied_offset=4,
            waiting={4: {"frames": signal("frames", 4)}},
            forgotten_revision=3,
            withdrawn_revision=1,
            version=Version(revision=3, generation=0, offset=4),
        )
        assert (steps[-1].outcome, steps[-1].ignored) == (None, None)

    def test_of_what_a_rebuild_sealed(self) -> None:
        """Its outcome was published, so it is withdrawn."""
        step = fold(SEALED, deleted(2), 9, context())
        assert step.state is not None
        assert (step.state.withdrawn_revision, step.state.forgotten_revision, step.state.sealed_revision) == (2, 2, 0)

    @pytest.mark.parametrize(
        ("state", "revision", "cause"),
        [
            (LIVE, 1, "older-revision"), (SEALED, 1, "older-revision"), (FORGOTTEN, 1, "forgotten"),
            (FORGOTTEN, 2, "forgotten"), (FORGOTTEN, 3, None), (LIVE, 2, None), (None, 1, None),
        ],
    )  # fmt: skip
    def test_what_it_changes(self, state: VideoState | None, revision: int, cause: str | None) -> None:
        """Nothing where a higher revision lives, or where it was carried out."""
        step = fold(state, deleted(revision), 9, context())
        assert step.ignored == cause
        assert step.state is not None
        if cause is None:
            assert step.state.forgotten_revision == revision
            assert step.state.version == Version(revision=revision, generation=0, offset=9)

    def test_a_revision_that_was_dead_before_it_came_is_buried_once(self) -> None:
        """Its upload was before a deletion that is known already; the second time nothing changes."""
        place = SourceOffset(topic="video.uploaded", partition=0, offset=5)
        state = msgspec.structs.replace(
            FORGOTTEN, deletions=(Deletion(before=place, log_generation=0, log_offset=1),), withdrawn_revision=2
        )
        again = fold(state, at(4), 9, context())
        assert (again.ignored, again.outcome) == ("forgotten", None)
        higher = fold(state, at(4, revision=3), 9, context()).state
        assert higher is not None
        assert (higher.forgotten_revision, higher.withdrawn_revision) == (3, 3)
        assert higher.version == Version(revision=3, generation=0, offset=9)
        living = fold(state, at(6, revision=3), 9, context()).state
        assert living is not None and living.accepted is not None and living.deletions == state.deletions


class TestState:
    @pytest.mark.parametrize(
        ("state", "revision", "is_forgotten", "is_complete", "status"),
        [
            (VideoState(log_generation=0, applied_offset=0), 0, False, False, "pending"),
            (SEALED, 2, False, False, "pending"),
            (FORGOTTEN, 2, True, False, "pending"),
            (LIVE, 2, False, False, "pending"),
            (msgspec.structs.replace(SEALED, forgotten_revision=3), 3, True, False, "pending"),
            (fold_all([accepted(), deadline()])[-1].state, 1, False, False, "provisional"),
            (fold_all([accepted(), *ALL_SIGNALS, deadline()])[-1].state, 1, False, True, "final"),
        ],
    )
    def test_what_it_says(
        self, state: VideoState, revision: int, is_forgotten: bool, is_complete: bool, status: str
    ) -> None:
        """Of each kind."""
        assert (state.revision, state.is_forgotten, state.is_complete, state.status) == (
            revision, is_forgotten, is_complete, status,
        )  # fmt: skip

    def test_a_signal_wins_by_rank_alone(self) -> None:
        """Ok beats failed, then the higher generation; a tie and a loss give the same object back."""
        ranked = [failed_signal(), failed_signal(generation=2), signal(), signal(generation=2)]
        for place, first in enumerate(ranked):
            signals = with_signal({}, first)
            for other_place, second in enumerate(ranked):
                both = with_signal(signals, second)
                assert both == {"frames": second if other_place > place else first}
                assert (both is signals) is (other_place <= place)

    def test_modalities_are_told_apart(self) -> None:
        """In the order of their names, with those that nobody asked for."""
        silent = msgspec.structs.replace(failed_signal("motion"), failure=None)
        steps = fold_all([accepted(expected=("audio", "context")), signal("frames"), absent_signal("audio"), silent])
        assert steps[-1].state is not None
        states = modality_states(steps[-1].state)
        assert (states.present, states.absent, states.missing) == (("frames",), ("audio",), ("context",))
        assert states.failed["motion"].cause == "unknown"
        assert states.failed["motion"].message == "the signal does not say why it failed"
        assert modality_states(SEALED).missing == ()

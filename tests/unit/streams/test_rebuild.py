"""Rebuilding states from topics: the log where it holds all facts, the published outcome where it does not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from schemas.facts import Accepted, Deleted, Fact, PolicyChanged, Review, SourceOffset
from schemas.outcomes import Outcome
from schemas.wire import encode
from streams.kafka_clients import StoredRecord
from streams.rebuild import Rebuilt, kept_videos, refold
from streams.verdict.cost import Prices
from streams.verdict.fold import fold
from streams.verdict.order import OffsetsOutOfOrder
from streams.verdict.outcome import FoldContext
from streams.verdict.policy_file import load_policy
from streams.verdict.role import Ruleset
from streams.verdict.state import CaseState
from tests.fakes import ManualClock
from tests.sample_facts import VIDEO_ID, accepted, deadline, signal

RULESET = Ruleset(load_policy(None), Prices(1.0, 1.0, 1.0, 1.0), log_generation=0)
EXPECTED = ("frames", "audio")
LOG: tuple[Fact, ...] = (accepted(expected=EXPECTED), signal("frames"), signal("audio"))

REVIEW = Review(video_id=VIDEO_ID, revision=1, action="block", reviewer="r", reason="", event_unix_seconds=0.0)


def fold_in_order(log: Sequence[Fact]) -> tuple[CaseState, Outcome]:
    clock = ManualClock()
    state, outcome = None, None
    for offset, fact in enumerate(log):
        context = FoldContext(RULESET.policy, RULESET.prices, 0, clock.now_unix_seconds())
        folded = fold(state, fact, offset, context)
        state, outcome = folded.state, folded.outcome or outcome
    assert state is not None
    assert outcome is not None
    return state, outcome


def place(offset: int) -> SourceOffset:
    return SourceOffset(topic="video.uploaded", partition=0, offset=offset, topic_id="t")


def placed(revision: int, offset: int) -> Accepted:
    return accepted(revision, expected=EXPECTED, source=place(offset))


def deleted_before(offset: int) -> Deleted:
    return Deleted(video_id=VIDEO_ID, revision=1, reason="", event_unix_seconds=0.0, before=place(offset))


def rebuilt(published: Outcome | None, log: Sequence[Fact], first_offset: int = 0) -> Rebuilt:
    stored = [
        StoredRecord("video.signals", 0, offset, 0.0, fact.video_id.encode(), encode(fact), ())
        for offset, fact in enumerate(log, first_offset)
    ]
    known = {VIDEO_ID: published} if published else {}
    (video,) = refold(known, stored, RULESET, ManualClock()).values()
    return video


class TestKeptVideos:
    """What a rebuild leaves out."""

    @pytest.mark.parametrize(("kept_seconds", "is_kept"), [(0, True), (100, True), (99, False)])
    def test_a_video_whose_time_is_up(self, kept_seconds: int, is_kept: bool) -> None:
        """The time counts from its last outcome; without a setting it never ends."""
        state, outcome = fold_in_order(LOG)
        video, clock = Rebuilt(state, outcome, is_published=True), ManualClock()
        clock.advance(99.5)
        assert (VIDEO_ID in kept_videos({VIDEO_ID: video}, kept_seconds, clock)) is is_kept

    def test_a_video_without_an_outcome(self) -> None:
        """Signals that wait for their `accepted`, and deletions, have no end of this kind."""
        video, clock = Rebuilt(fold_in_order(LOG)[0], None, is_published=False), ManualClock()
        clock.advance(1e9)
        assert VIDEO_ID in kept_videos({VIDEO_ID: video}, 1, clock)


class TestRefold:
    """One video's way back."""

    def test_a_whole_log_gives_the_state_and_the_published_outcome(self) -> None:
        """Nothing has to be published again."""
        state, outcome = fold_in_order(LOG)
        assert rebuilt(outcome, LOG) == Rebuilt(state, outcome, is_published=True)

    def test_an_outcome_that_was_not_published_yet_is_known_not_to_be_out(self) -> None:
        """The redelivery of its fact publishes it."""
        _, pending = fold_in_order(LOG[:1])
        state, final = fold_in_order(LOG)
        assert rebuilt(pending, LOG) == Rebuilt(state, final, is_published=False)
        assert rebuilt(None, LOG) == Rebuilt(state, final, is_published=False)

    def test_a_published_outcome_outlives_its_facts(self) -> None:
        """With an empty log the outcome stands and is sealed."""
        _, outcome = fold_in_order(LOG)
        video = rebuilt(outcome, ())
        assert (video.outcome, video.is_published, video.is_sealed) == (outcome, True, True)

    def test_facts_that_are_left_do_not_replace_a_whole_verdict(self) -> None:
        """A repeated `accepted` and one signal in the log are half a video: the published verdict stands."""
        _, outcome = fold_in_order(LOG)
        video = rebuilt(outcome, [accepted(expected=EXPECTED), signal("frames"), deadline()], first_offset=7)
        assert (video.outcome, video.is_sealed, video.state.applied_offset) == (outcome, True, 9)

    def test_a_sealed_revision_hears_nothing_and_a_higher_one_begins_anew(self) -> None:
        """As after a verdict whose state was never lost."""
        _, outcome = fold_in_order(LOG)
        state = rebuilt(outcome, ()).state
        context = FoldContext(RULESET.policy, RULESET.prices, 0, 0.0)
        causes = [fold(state, fact, 9, context).ignored for fact in (accepted(), signal("frames"), deadline())]
        assert causes == ["known-revision", "facts-gone", "facts-gone"]
        renewed = fold(state, accepted(2, expected=EXPECTED), 9, context)
        assert renewed.outcome is not None
        assert renewed.outcome.verdict.status == "pending"

    def test_a_revision_that_began_after_the_published_one_is_taken_from_the_log(self) -> None:
        """Its facts are all there, although the old one's are gone."""
        _, outcome = fold_in_order(LOG)
        video = rebuilt(outcome, [accepted(2, expected=EXPECTED), signal("frames", 2)], first_offset=7)
        assert (video.state.revision, video.is_published, video.is_sealed) == (2, False, False)

    def test_a_changed_policy_makes_the_same_versions_under_any_other(self) -> None:
        """What is out was decided by a policy that a rebuild need not have, and is neither sealed nor replaced."""
        log = (*LOG, PolicyChanged(video_id=VIDEO_ID, revision=1, policy="other-9@0", event_unix_seconds=0.0))
        state, outcome = fold_in_order(log)
        said = replace(outcome, verdict=replace(outcome.verdict, policy="other-9@0", action="block"))
        assert rebuilt(said, log) == Rebuilt(state, said, is_published=True)

    @pytest.mark.parametrize("log", [(*LOG, REVIEW), ()])
    def test_a_persons_word_comes_back(self, log: Sequence[Fact]) -> None:
        """With its facts, or with the published verdict where they are gone."""
        _, outcome = fold_in_order([*LOG, REVIEW])
        video = rebuilt(outcome, log)
        assert video.outcome is not None
        assert video.outcome.verdict.reviewed is not None
        assert video.outcome.verdict.action == "block"

    def test_a_deletion_wins_over_a_stale_verdict_that_was_published_after_its_tombstone(self) -> None:
        """What a dying worker left in a compacted topic does not bring the video back."""
        _, final = fold_in_order(LOG)
        gone = Deleted(video_id=VIDEO_ID, revision=1, reason="", event_unix_seconds=0.0)
        video = rebuilt(final, [*LOG, gone])
        assert (video.outcome, video.state.is_forgotten) == (None, True)

    def test_deletions_come_back_with_their_places(self) -> None:
        """Also of a video that lives again: what was uploaded before them may still come."""
        log = [placed(1, 10), deleted_before(11), placed(2, 12)]
        video = rebuilt(None, log)
        assert (video.state.revision, [each.before for each in video.state.deletions]) == (2, [place(11)])
        context = FoldContext(RULESET.policy, RULESET.prices, 0, 0.0)
        assert fold(video.state, placed(3, 9), 9, context).state.is_forgotten  # type: ignore[union-attr]

    def test_a_sealed_video_keeps_its_deletions(self) -> None:
        """Its `accepted` is gone from the log, which still holds a deletion that it outlived, and its last signal."""
        log = [placed(2, 12), signal("frames", 2), deleted_before(11), signal("audio", 2)]
        _, outcome = fold_in_order(log)
        video = rebuilt(outcome, log[2:], first_offset=2)
        assert (video.outcome, video.is_sealed) == (outcome, True)
        assert [each.before for each in video.state.deletions] == [place(11)]

    def test_a_deletion_wins_over_a_verdict_whose_facts_are_gone(self) -> None:
        """Nobody knows where its upload stood, so the order of the log decides: it was published before."""
        _, outcome = fold_in_order([placed(3, 10)])
        video = rebuilt(outcome, [deleted_before(20)], first_offset=7)
        assert (video.outcome, video.state.is_forgotten) == (None, True)
        assert (video.state.forgotten_revision, video.state.withdrawn_revision) == (3, 3)

    def test_a_log_out_of_order_is_refused(self) -> None:
        """Facts behind a later one would be left out in silence."""
        stored = [
            StoredRecord("video.signals", 0, offset, 0.0, VIDEO_ID.encode(), encode(fact), ())
            for offset, fact in zip((3, 5, 4), LOG, strict=True)
        ]
        with pytest.raises(OffsetsOutOfOrder, match="offset 4 of 'video-1' was folded after offset 5"):
            refold({}, stored, RULESET, ManualClock())

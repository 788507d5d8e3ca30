"""Folding the log again: it wins where it holds all facts, and the published outcome stands where it does not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from schemas.codec import encode
from schemas.facts import Accepted, Deleted, Fact, PolicyChanged, Review, SourceOffset
from schemas.outcomes import Outcome
from streams.decision.cost import Prices
from streams.decision.fold import fold, fold_next
from streams.decision.order import OffsetsOutOfOrder
from streams.decision.outcome import FoldContext
from streams.decision.policy_file import load_policy
from streams.decision.ruleset import Ruleset
from streams.decision.state import VideoState
from streams.kafka.clients import StoredRecord
from streams.recovery.rebuilt import Rebuilt, place_of
from streams.recovery.refold import Scope, refold
from streams.recovery.refold_report import RefoldReport
from streams.store.stored_case import StoredVideo
from tests.fakes import ManualClock
from tests.sample_facts import UPLOADED_UNIX_SECONDS, VIDEO_ID, accepted, deadline, signal

RULESET = Ruleset(load_policy(None), Prices(1.0, 1.0, 1.0, 1.0), log_generation=0)
EXPECTED = ("frames", "audio")
LOG: tuple[Fact, ...] = (accepted(expected=EXPECTED), signal("frames"), signal("audio"))

REVIEW = Review(video_id=VIDEO_ID, revision=1, action="block", reviewer="r", reason="", event_unix_seconds=0.0)


def fold_in_order(log: Sequence[Fact]) -> tuple[VideoState, Outcome]:
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


def rebuilt(
    published: Outcome | None,
    log: Sequence[Fact],
    first_offset: int = 0,
    *,
    begin_unix_seconds: float = UPLOADED_UNIX_SECONDS + 60.0,
    applied: int | None = None,
) -> Rebuilt:
    """What a log that begins at an offset and a time says of the sample upload."""
    stored = [
        StoredRecord("video.signals", 0, offset, begin_unix_seconds, fact.video_id.encode(), encode(fact), ())
        for offset, fact in enumerate(log, first_offset)
    ]
    known = {VIDEO_ID: published} if published else {}
    (video,) = refold(known, stored, RULESET, ManualClock(), applied).values()
    return video


def fold_over_a_hole(log: Sequence[Fact], *lost: int) -> tuple[VideoState, Outcome]:
    """What a worker made of the log whose store had lost the facts at some offsets, and all that followed from them."""
    state, outcome = None, None
    for offset, fact in enumerate(log):
        if offset not in lost:
            folded = fold(state, fact, offset, FoldContext(RULESET.policy, RULESET.prices, 0, 0.0))
            state, outcome = folded.state, folded.outcome or outcome
    assert state is not None
    assert outcome is not None
    return state, outcome


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

    def test_a_sealed_revision_is_not_changed_and_a_higher_one_starts_again(self) -> None:
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

    def test_half_a_video_is_not_taken_for_whole_because_of_a_later_fact(self) -> None:
        """A review makes the same version of half the facts, but says other things: the published one stands."""
        _, outcome = fold_in_order([*LOG, REVIEW])
        log = (accepted(expected=EXPECTED), signal("frames"), REVIEW)
        video = rebuilt(outcome, log, first_offset=1)
        assert video.outcome is not None
        assert video.outcome.version == outcome.version
        assert (video.outcome, video.is_sealed, video.contradicted) == (outcome, True, None)


class TestFaults:
    """A video that cannot be folded, and records that cannot be read, stop no other video."""

    def stored(self, offset: int, video_id: str, value: bytes) -> StoredRecord:
        return StoredRecord("video.signals", 0, offset, UPLOADED_UNIX_SECONDS, video_id.encode(), value, ())

    def two_videos(self, third: bytes) -> list[StoredRecord]:
        facts = [accepted(expected=EXPECTED), accepted(video_id="other", expected=EXPECTED)]
        log = [self.stored(offset, fact.video_id, encode(fact)) for offset, fact in enumerate(facts)]
        return [*log, self.stored(2, VIDEO_ID, third)]

    def test_a_fact_of_a_newer_release(self) -> None:
        """Its video is not given out half folded, and is named with what is not known."""
        report = RefoldReport()
        log = self.two_videos(b'{"kind": "translated", "video_id": "video-1"}')
        assert list(refold({}, log, RULESET, ManualClock(), report=report)) == ["other"]
        assert (report.faults[VIDEO_ID].cause, report.faults[VIDEO_ID].kind) == ("newer-fact", "translated")
        assert report.seen == {VIDEO_ID: 2, "other": 1}

    def test_a_fold_that_fails(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A bug that one video brings about ends that video alone."""

        def failing(state: object, fact: Fact, *rest: object) -> object:
            if fact.video_id == VIDEO_ID:
                raise ZeroDivisionError
            return fold_next(state, fact, *rest)  # type: ignore[arg-type]

        monkeypatch.setattr("streams.recovery.refold.fold_next", failing)
        report = RefoldReport()
        assert list(refold({}, self.two_videos(b"{}"), RULESET, ManualClock(), report=report)) == ["other"]
        assert report.faults[VIDEO_ID].cause == "internal-error"

    def test_only_some_videos(self) -> None:
        """Others are neither folded nor named."""
        report = RefoldReport()
        found = refold({}, self.two_videos(b"{}"), RULESET, ManualClock(), scope=Scope(only={"other"}), report=report)
        assert list(found) == ["other"]
        assert list(report.seen) == ["other"]


class TestContradiction:
    """An outcome that was published by a worker whose store had lost facts."""

    LATE = (*LOG, deadline())

    def test_the_refold_wins_over_a_provisional_verdict_of_a_higher_version(self) -> None:
        """Final at 2; the store forgot the signal of 2 and a worker folded the deadline at 3 over the hole."""
        _, wrong = fold_over_a_hole(self.LATE, 2)
        assert (wrong.verdict.status, wrong.version.offset) == ("provisional", 3)
        state, true = fold_in_order(self.LATE)
        video = rebuilt(wrong, self.LATE)
        assert (video.state, video.outcome, video.is_published) == (state, true, False)
        assert (video.contradicted, video.is_outdone) == (wrong.version, True)

    def test_the_same_version_with_other_content_is_wrong_too(self) -> None:
        """A review of a half state is published under the version of the true one, which cannot be said again."""
        log = (*LOG, REVIEW)
        _, wrong = fold_over_a_hole(log, 2)
        video = rebuilt(wrong, log)
        assert video.outcome is not None
        assert video.outcome.version == wrong.version
        assert (video.outcome.verdict.status, video.is_outdone) == ("final", True)

    def test_deciding_again_settles_it(self) -> None:
        """The fact that an audit adds makes the true outcome under a version above the wrong one."""
        _, wrong = fold_over_a_hole(self.LATE, 2)
        log = (*self.LATE, PolicyChanged(video_id=VIDEO_ID, revision=1, policy="p", event_unix_seconds=0.0))
        waiting = rebuilt(wrong, log)
        assert waiting.outcome is not None
        assert waiting.outcome.version > wrong.version
        assert not waiting.is_outdone
        settled = rebuilt(waiting.outcome, log)
        assert (settled.is_published, settled.contradicted) == (True, None)

    def test_a_log_that_begins_before_the_upload_is_whole(self) -> None:
        """Other videos' facts are gone, this one's are not."""
        _, wrong = fold_over_a_hole(self.LATE, 2)
        wrong = replace(wrong, verdict=replace(wrong.verdict, version=replace(wrong.version, offset=10)))
        wrong = replace(wrong, record=replace(wrong.record, version=wrong.version))
        video = rebuilt(wrong, self.LATE, 7, begin_unix_seconds=UPLOADED_UNIX_SECONDS - 86_400.0)
        assert (video.is_outdone, video.is_sealed) == (True, False)

    @pytest.mark.parametrize("begin", [UPLOADED_UNIX_SECONDS - 60.0, UPLOADED_UNIX_SECONDS + 60.0])
    def test_a_log_that_may_have_been_cut_contradicts_nothing(self, begin: float) -> None:
        """Clocks lie apart, so an upload about as old as the log is not relied on."""
        _, wrong = fold_over_a_hole(self.LATE, 2)
        video = rebuilt(wrong, self.LATE, 7, begin_unix_seconds=begin)
        assert (video.outcome, video.is_sealed, video.contradicted) == (wrong, True, None)

    def test_an_upload_that_was_sent_again_is_not_relied_on(self) -> None:
        """Its first `accepted` and signals may be gone, though the second is younger than the log."""
        _, outcome = fold_in_order(LOG)
        later = UPLOADED_UNIX_SECONDS + 10 * 86_400.0
        log = (accepted(expected=EXPECTED, uploaded_unix_seconds=later), deadline())
        video = rebuilt(outcome, log, 7, begin_unix_seconds=later - 86_400.0)
        assert (video.outcome, video.is_sealed, video.contradicted) == (outcome, True, None)


class TestDifferences:
    """A refold next to what a store holds."""

    @pytest.mark.parametrize("lost", [1, 2])
    def test_a_hole_under_a_later_fact_is_seen(self, lost: int) -> None:
        """Offsets are equal; status, signals and the outcome are not."""
        log = (*LOG, deadline())
        state, outcome = fold_over_a_hole(log, lost)
        video = rebuilt(fold_in_order(log)[1], log)
        stored = StoredVideo(state, outcome, is_published=True)
        assert place_of(state) == video.place
        assert {"signals", "version"} <= set(video.differences(stored))

    def test_a_sound_store_differs_in_nothing(self) -> None:
        """Whether the outcome is out already or not."""
        state, outcome = fold_in_order(LOG)
        for published in (outcome, fold_in_order(LOG[:1])[1]):
            assert rebuilt(published, LOG).differences(StoredVideo(state, outcome)) == []

    def test_a_store_that_is_further_is_not_judged(self) -> None:
        """It was read after the log was."""
        state, outcome = fold_in_order([*LOG, REVIEW])
        assert rebuilt(fold_in_order(LOG)[1], LOG).differences(StoredVideo(state, outcome)) == []

    def test_a_deletion_that_was_lost_is_seen(self) -> None:
        """Also where the log is cut: a deletion needs none of the facts before it."""
        gone = Deleted(video_id=VIDEO_ID, revision=1, reason="", event_unix_seconds=0.0)
        log = (*LOG, gone, signal("motion"))
        state, outcome = fold_over_a_hole(log, 3)
        assert rebuilt(None, log).differences(StoredVideo(state, outcome)) == ["forgotten revision", "outcome"]

    @pytest.mark.parametrize(("applied", "needed"), [(None, None), (0, None), (1, 0), (3, 2), (9, 2)])
    def test_a_store_must_know_what_precedes_the_applied_offset(self, applied: int | None, needed: int | None) -> None:
        """What is behind is on its way."""
        video = rebuilt(None, LOG, applied=applied)
        assert video.needed_offset == needed
        assert video.is_ahead_of(StoredVideo()) is (needed is not None)
        assert not video.is_ahead_of(StoredVideo(video.state))

    def test_a_store_must_know_what_is_published(self) -> None:
        """Also where it was emptied, and knows no applied offset."""
        state, outcome = fold_in_order(LOG)
        early, _ = fold_in_order(LOG[:2])
        video = rebuilt(outcome, LOG)
        assert [video.is_ahead_of(StoredVideo(found)) for found in (None, early, state)] == [True, True, False]

"""The fold: which facts change a video's state, and which make an outcome."""

from __future__ import annotations

import msgspec
import pytest

from schemas.facts import Fact
from schemas.outcomes import Version
from schemas.receipts import MeasuredPower, Receipt
from streams.decision.fold import Folded, fold
from streams.decision.state import MAX_WAITING_REVISIONS, VideoState
from tests.sample_facts import (
    EXPECTED,
    absent_signal,
    accepted,
    deadline,
    decode_receipt,
    failed_signal,
    signal,
)
from tests.unit.streams.verdict.folding import (
    ALL_SIGNALS,
    NUDITY,
    POLICY,
    context,
    deleted,
    fold_all,
    last_outcome,
    policy_changed,
    review,
    statuses,
    summary,
)


class TestSamplePoints:
    """When an outcome is made."""

    def test_accepted_is_published_as_pending_and_the_last_signal_makes_it_final(self) -> None:
        """One pending outcome at intake, one final outcome when all answered, none between."""
        folded = fold_all([accepted(), *ALL_SIGNALS])
        assert statuses(folded) == ["pending", None, None, None, "final"]

    def test_a_pending_verdict_shows_what_the_policy_lets_hold_meanwhile(self) -> None:
        """Pending carries the policy's action, names what is missing, and no evidence."""
        verdict = last_outcome(fold_all([accepted()])).verdict
        assert verdict.action == POLICY.pending
        assert verdict.modalities.missing == EXPECTED
        assert (verdict.labels, last_outcome(fold_all([accepted()])).record.features) == ((), {})

    def test_a_deadline_makes_a_provisional_verdict_that_names_what_is_missing(self) -> None:
        """Missing modalities get their action from the policy and stand among the reasons."""
        verdict = last_outcome(fold_all([accepted(), signal("context"), deadline()])).verdict
        assert verdict.status == "provisional"
        assert verdict.modalities.missing == ("frames", "audio", "motion")
        assert {reason.modality for reason in verdict.reasons} == {"frames", "audio", "motion"}
        assert verdict.action == "review"

    def test_signals_after_the_deadline_amend_until_all_answered(self) -> None:
        """Each late signal publishes under a higher version; the last one makes it final."""
        folded = fold_all([accepted(), deadline(), *ALL_SIGNALS])
        assert statuses(folded) == ["pending", "provisional", "provisional", "provisional", "provisional", "final"]
        versions = [step.outcome.version for step in folded if step.outcome]
        assert versions == sorted(set(versions))

    def test_a_better_signal_amends_a_final_verdict(self) -> None:
        """An ok signal that replaces a failed one is published, still final."""
        first = [accepted(), failed_signal("frames"), *ALL_SIGNALS[1:]]
        folded = fold_all([*first, signal("frames", scores={NUDITY: 0.99})])
        assert statuses(folded)[-2:] == ["final", "final"]
        assert [step.outcome.verdict.action for step in folded[-2:] if step.outcome] == ["review", "block"]

    def test_signals_that_overtook_their_accepted_make_it_final_at_once(self) -> None:
        """Without `accepted` there is no outcome; with it the waiting signals count."""
        folded = fold_all([*ALL_SIGNALS, accepted()])
        assert statuses(folded) == [None, None, None, None, "final"]

    def test_only_expected_modalities_are_waited_for(self) -> None:
        """What a video waits for comes from its `accepted`."""
        folded = fold_all([accepted(expected=("context",)), signal("context")])
        assert statuses(folded) == ["pending", "final"]

    def test_an_answer_nobody_asked_for_is_used_all_the_same(self) -> None:
        """An unexpected modality adds its evidence."""
        folded = fold_all([accepted(expected=("context",)), signal("context"), signal("frames", scores={NUDITY: 0.99})])
        assert last_outcome(folded).verdict.action == "block"

    def test_the_version_is_the_place_of_the_record_that_caused_it(self) -> None:
        """Revision, log generation and offset, in this order."""
        outcome = fold(None, accepted(3), 17, context(log_generation=2)).outcome
        assert outcome is not None
        assert outcome.version == Version(revision=3, generation=2, offset=17)
        assert outcome.record.version == outcome.version


class TestApplied:
    """What was folded before changes nothing."""

    @pytest.mark.parametrize("offset", [0, 3, 4])
    def test_an_offset_at_or_below_the_applied_one_changes_nothing(self, offset: int) -> None:
        """The state that comes out is the very one that came in."""
        state = fold_all([accepted(), *ALL_SIGNALS])[-1].state
        assert fold(state, signal("frames", 2), offset, context()) == Folded(state, None, "already-applied")

    def test_a_raised_generation_restarts_offsets(self) -> None:
        """After a change of the partition count a low offset is news."""
        state = fold_all([accepted(), *ALL_SIGNALS])[-1].state
        folded = fold(state, accepted(2), 0, context(log_generation=1))
        assert folded.outcome is not None
        assert folded.outcome.version == Version(revision=2, generation=1, offset=0)

    def test_a_lower_generation_is_old(self) -> None:
        """A worker with old settings cannot write over newer state."""
        state = fold(None, accepted(), 0, context(log_generation=1)).state
        assert fold(state, accepted(2), 99, context(log_generation=0)).ignored == "already-applied"

    @pytest.mark.parametrize("fact", [deadline(), review("allow"), summary(), policy_changed()])
    def test_a_fact_about_an_unknown_video_leaves_no_state(self, fact: Fact) -> None:
        """Only `accepted`, signals and deletions begin a state."""
        assert fold(None, fact, 5, context()) == Folded(None, None, "no-state")


class TestEngagement:
    """What viewers do is said with the features, and reports may change the verdict."""

    def test_a_newer_summary_amends_a_decided_video(self) -> None:
        """Under a higher version, with everything else as it was."""
        folded = fold_all([accepted(), *ALL_SIGNALS, summary()])
        before, after = folded[-2].outcome, folded[-1].outcome
        assert before is not None
        assert after is not None
        assert after.version > before.version
        assert after.record.features == before.record.features
        assert after.record.engagement is not None
        assert after.record.engagement.windows == {"1d": {"view": 1000.0, "report": 0.0}}

    def test_a_late_summary_of_fewer_events_at_the_same_time_changes_nothing(self) -> None:
        """Late events raise no time, so counts tell the older summary; a zombie may send it after the newer one."""
        newer = msgspec.structs.replace(summary(at=10.0), counts={"view": 20})
        older = msgspec.structs.replace(summary(views=5.0, at=10.0), counts={"view": 10})
        folded = fold_all([accepted(), *ALL_SIGNALS, newer, older])
        assert folded[-1].ignored == "older-summary"
        recounted = msgspec.structs.replace(summary(at=11.0), counts={"view": 3})
        assert fold_all([accepted(), *ALL_SIGNALS, newer, recounted])[-1].outcome is not None

    def test_an_older_or_repeated_summary_changes_nothing(self) -> None:
        """Summaries may overtake each other."""
        folded = fold_all([accepted(), *ALL_SIGNALS, summary(at=10.0), summary(views=5.0, at=9.0), summary(at=10.0)])
        assert [step.ignored for step in folded[-2:]] == ["older-summary"] * 2

    def test_a_pending_video_is_not_amended_but_remembers(self) -> None:
        """The verdict that follows carries it."""
        folded = fold_all([accepted(), summary(), *ALL_SIGNALS])
        assert folded[1].outcome is None
        assert last_outcome(folded).record.engagement is not None

    def test_a_report_spike_sends_an_allowed_video_to_review_and_its_end_lets_it_go(self) -> None:
        """The default policy asks for a person's look; the decayed window forgets."""
        folded = fold_all(
            [accepted(), *ALL_SIGNALS, summary(), summary(reports=60.0, at=20.0), summary(reports=0.5, at=9e5)]
        )
        actions = [step.outcome.verdict.action for step in folded[-3:] if step.outcome]
        assert actions == ["allow", "review", "allow"]


class TestForgetting:
    """A deletion withdraws what was said and leaves a guard."""

    def test_a_decided_video_keeps_nothing_but_the_deletion_marker(self) -> None:
        """No outcome is made, and the deletion has a version of its own."""
        folded = fold_all([accepted(), *ALL_SIGNALS, deleted()])
        state = folded[-1].state
        assert folded[-1].outcome is None
        assert state == VideoState(
            log_generation=0,
            applied_offset=5,
            forgotten_revision=1,
            withdrawn_revision=1,
            version=Version(revision=1, generation=0, offset=5),
        )

    @pytest.mark.parametrize(
        "late",
        [accepted(), signal(), failed_signal(), deadline(), summary(), review("allow"), policy_changed(), deleted()],
    )
    def test_what_comes_late_is_refused(self, late: Fact) -> None:
        """Nothing of the forgotten revision begins it again."""
        folded = fold_all([accepted(), *ALL_SIGNALS, deleted(), late])
        assert (folded[-1].outcome, folded[-1].ignored) == (None, "forgotten")

    def test_an_upload_that_comes_after_its_deletion_is_refused(self) -> None:
        """The guard does not need to have seen the video."""
        folded = fold_all([deleted(2), accepted(2), *(signal(modality, 2) for modality in EXPECTED)])
        assert {step.ignored for step in folded[1:]} == {"forgotten"}

    def test_a_higher_revision_is_a_new_life(self) -> None:
        """Signals that overtook its `accepted` count."""
        second = [signal(modality, 2) for modality in EXPECTED]
        folded = fold_all([accepted(), *ALL_SIGNALS, second[0], deleted(), second[1], accepted(2), *second[2:]])
        assert last_outcome(folded).verdict.status == "final"
        assert folded[-1].state is not None
        assert folded[-1].state.forgotten_revision == 0

    def test_a_deletion_of_an_older_revision_changes_nothing(self) -> None:
        """The newer life had begun."""
        folded = fold_all([accepted(), accepted(2), deleted(1)])
        assert folded[-1].ignored == "older-revision"
        assert folded[-1].state is not None
        assert folded[-1].state.accepted == accepted(2)


class TestRevisions:
    """A newer revision replaces, an older one is not heard."""

    def test_a_new_revision_supersedes_at_once_as_pending(self) -> None:
        """The old evidence is gone with the old revision."""
        folded = fold_all([accepted(), *ALL_SIGNALS, accepted(2)])
        outcome = last_outcome(folded)
        assert (outcome.verdict.status, outcome.version.revision) == ("pending", 2)
        assert outcome.verdict.modalities.missing == EXPECTED

    @pytest.mark.parametrize(
        ("fact", "cause"),
        [
            (accepted(1), "older-revision"),
            (accepted(2), "known-revision"),
            (signal("frames", 1), "older-revision"),
            (deadline(1), "older-revision"),
            (deadline(3), "not-accepted"),
        ],
    )
    def test_what_is_ignored_while_revision_two_stands(self, fact: Fact, cause: str) -> None:
        """Each is counted under its cause and makes no outcome."""
        state = fold_all([accepted(), accepted(2)])[-1].state
        folded = fold(state, fact, 9, context())
        assert (folded.ignored, folded.outcome) == (cause, None)

    def test_signals_of_a_higher_revision_wait_and_leave_the_current_one_alone(self) -> None:
        """They count when their `accepted` comes."""
        folded = fold_all([accepted(), signal("frames", 2, scores={NUDITY: 0.99}), *ALL_SIGNALS])
        assert last_outcome(folded).verdict.action == "allow"
        folded += fold_all([accepted(2)], folded[-1].state, first_offset=9)
        assert last_outcome(folded).verdict.modalities.present == ("frames",)

    def test_what_waits_is_bounded(self) -> None:
        """Of more revisions than may wait, the lowest is dropped."""
        revisions = range(10, 10 + MAX_WAITING_REVISIONS + 1)
        state = fold_all([signal("frames", revision) for revision in revisions])[-1].state
        assert state is not None
        assert sorted(state.waiting) == list(revisions)[1:]
        assert fold(state, signal("frames", 10), 99, context()).ignored == "too-many-waiting"

    def test_a_new_revision_has_its_deadline_before_it(self) -> None:
        """A deadline that fired for the old revision says nothing about the new one."""
        folded = fold_all([accepted(), deadline(), accepted(2), signal("frames", 2)])
        assert statuses(folded) == ["pending", "provisional", "pending", None]


class TestPrecedence:
    """Which signal of a modality wins."""

    @pytest.mark.parametrize(
        ("first", "second", "wins"),
        [
            (failed_signal(), signal(), True),
            (signal(), failed_signal(generation=9), False),
            (signal(generation=1), signal(generation=2), True),
            (signal(generation=2), signal(generation=1), False),
            (signal(), signal(scores={NUDITY: 1.0}), False),
            (failed_signal(generation=1), failed_signal(generation=2), True),
        ],
    )
    def test_the_second_signal(self, first: Fact, second: Fact, wins: bool) -> None:
        """Ok beats failed, then the higher generation; a tie keeps what came first."""
        for facts in ([accepted(), first, second], [first, second, accepted()]):
            state = fold_all(facts)[-1].state
            assert state is not None
            assert state.signals == {"frames": second if wins else first}

    def test_a_loser_is_counted_and_publishes_nothing(self) -> None:
        """A second signal of the same generation changes nothing of a final verdict."""
        folded = fold_all([accepted(), *ALL_SIGNALS, signal(scores={NUDITY: 1.0})])
        assert (folded[-1].ignored, folded[-1].outcome) == ("not-better", None)


class TestDeadline:
    """When a deadline counts."""

    def test_it_changes_nothing_after_the_final_verdict(self) -> None:
        """Late is harmless."""
        folded = fold_all([accepted(), *ALL_SIGNALS, deadline()])
        assert (folded[-1].ignored, folded[-1].outcome) == ("already-decided", None)

    def test_it_fires_once(self) -> None:
        """A second record of the same deadline publishes nothing."""
        folded = fold_all([accepted(), deadline(), deadline()])
        assert (folded[-1].ignored, folded[-1].outcome) == ("already-fired", None)

    def test_it_counts_only_after_accepted(self) -> None:
        """Before that it is ignored; folding `accepted` registers it again, so that it comes once more."""
        folded = fold_all([signal("context"), deadline(), accepted(), deadline()])
        assert [step.ignored for step in folded] == [None, "not-accepted", None, None]
        assert statuses(folded) == [None, None, "pending", "provisional"]


class TestContents:
    """What an outcome says."""

    def test_features_and_embeddings_of_all_answers_are_joined(self) -> None:
        """The record holds what the winning ok signals hold, and nothing of failed ones."""
        facts = [accepted(), failed_signal("frames"), absent_signal("audio"), signal("motion"), signal("context")]
        record = last_outcome(fold_all(facts)).record
        assert set(record.features) == {"motion.marker", "context.marker"}
        assert set(record.embeddings) == {"motion-space/3", "context-space/3"}

    def test_modalities_are_told_apart(self) -> None:
        """Present, absent and failed are three things."""
        facts = [accepted(), failed_signal("frames"), absent_signal("audio"), signal("motion"), signal("context")]
        states = last_outcome(fold_all(facts)).verdict.modalities
        assert (states.present, states.absent, states.missing) == (("context", "motion"), ("audio",), ())
        assert {modality: failure.cause for modality, failure in states.failed.items()} == {
            "frames": "media-unreadable"
        }

    def test_cost_counts_a_shared_decode_once(self) -> None:
        """Four signals of one decode: four receipts, one decode."""
        cost = last_outcome(fold_all([accepted(), *ALL_SIGNALS])).verdict.cost
        assert (cost.num_decodes, cost.decode_cpu_seconds, cost.cpu_seconds, cost.device_seconds) == (1, 3.0, 8.0, 4.0)
        # 3 decode + 8 host + 4 next to the device are 15 core seconds at 0.001, 4 device seconds at 0.002 USD.
        assert cost.usd == pytest.approx(15 * 0.001 + 4 * 0.002)
        assert cost.joules == pytest.approx(15 * 10.0 + 4 * 100.0)
        assert cost.is_modelled

    def test_cost_tells_cpu_time_by_stage(self) -> None:
        """What was measured is told as it was; threads of a device are charged what they used, not what it took."""
        decode = msgspec.structs.replace(decode_receipt("d"), index_cpu_seconds=0.5, fetch_cpu_seconds=0.25)
        receipt = Receipt(
            device_seconds=4.0,
            device_cpu_seconds=1.0,
            cpu_seconds=2.0,
            overhead_cpu_seconds=0.125,
            items=4,
            batch_items_mean=6.0,
            decode=decode,
        )
        signals = [signal(modality, receipt=receipt) for modality in EXPECTED]
        cost = last_outcome(fold_all([accepted(), *signals])).verdict.cost
        assert cost.cpu_seconds_by_stage == pytest.approx(
            {"fetch": 0.25, "index": 0.5, "decode": 2.5, "operators": 8.0, "device": 4.0, "overhead": 0.5}
        )
        assert cost.usd == pytest.approx(15.75 * 0.001 + 16 * 0.002)
        assert (cost.bytes_read, cost.batch_items_mean) == (1000, 6.0)

    def test_joules_are_the_meters_where_there_were_some(self) -> None:
        """A receipt's own power goes before the price table; one receipt without makes the whole partly modelled."""
        power = MeasuredPower(watts_per_cpu_core=20.0, watts_per_device=50.0)
        measured = Receipt(device_seconds=2.0, device_cpu_seconds=1.0, power=power)
        modelled = Receipt(device_seconds=2.0, device_cpu_seconds=1.0)
        signals = [signal(modality, receipt=measured) for modality in EXPECTED]
        cost = last_outcome(fold_all([accepted(), *signals])).verdict.cost
        assert cost.joules == pytest.approx(4 * (20.0 + 100.0))
        assert not cost.is_modelled
        signals[0] = signal(EXPECTED[0], receipt=modelled)
        cost = last_outcome(fold_all([accepted(), *signals])).verdict.cost
        assert cost.joules == pytest.approx(3 * (20.0 + 100.0) + 10.0 + 200.0)
        assert cost.is_modelled

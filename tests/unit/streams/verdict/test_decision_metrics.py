"""What is counted of verdicts: each decision once, each change of one once, each delay once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest
from prometheus_client import REGISTRY
from prometheus_client.samples import Sample

from schemas.facts import EngagementSummary, Fact, PolicyChanged, Review
from schemas.outcomes import Outcome
from streams.decision.cost import Prices
from streams.decision.fold import fold
from streams.decision.outcome import FoldContext
from streams.decision.policy_file import load_policy
from streams.decision.state import VideoState
from streams.verdict.decision_metrics import count_decision, market_label, observe_delay
from tests.sample_facts import EXPECTED, UPLOADED_UNIX_SECONDS, VIDEO_ID, accepted, deadline, failed_signal, signal

CONTEXT = FoldContext(load_policy(None), Prices(1.0, 1.0, 1.0, 1.0), 0, now_unix_seconds=UPLOADED_UNIX_SECONDS + 5)
NUDITY = "sexual/explicit/nudity"
OTHERS = tuple(signal(modality) for modality in EXPECTED if modality != "frames")
RUDE = signal("frames", scores={NUDITY: 0.85})
CLEAN = tuple(signal(modality) for modality in EXPECTED)
VIEWS = EngagementSummary(video_id=VIDEO_ID, counts={"view": 1}, event_unix_seconds=10.0)
REVIEW = Review(
    video_id=VIDEO_ID, revision=1, action="block", reviewer="r", reason="seen", event_unix_seconds=UPLOADED_UNIX_SECONDS
)
AGAIN = PolicyChanged(video_id=VIDEO_ID, revision=1, policy="default-1@0", event_unix_seconds=UPLOADED_UNIX_SECONDS)

Change = Callable[..., float]


def outcomes(facts: Iterable[Fact]) -> Iterator[tuple[Outcome | None, Outcome | None]]:
    """What was stored before and after each fact, as the role sees it."""
    state: VideoState | None = None
    stored: Outcome | None = None
    for offset, fact in enumerate(facts):
        folded = fold(state, fact, offset, CONTEXT)
        yield stored, folded.outcome
        state, stored = folded.state, folded.outcome or stored


@pytest.fixture
def change() -> Change:
    """How much a counter has grown since the test began; series are global."""
    before = {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in _samples()}

    def grown(name: str, **labels: str) -> float:
        return sum(
            sample.value - before.get((sample.name, tuple(sorted(sample.labels.items()))), 0.0)
            for sample in _samples()
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    return grown


def _samples() -> Iterator[Sample]:
    for family in REGISTRY.collect():
        yield from family.samples


def count(*facts: Fact) -> None:
    for before, after in outcomes(facts):
        count_decision(before, after)


class TestDecisions:
    def test_a_decision_counts_once(self, change: Change) -> None:
        """Pending is no decision, the final verdict is one, a summary of engagement makes none."""
        count(accepted(market="DE"), *CLEAN, VIEWS)
        assert change("vidsignal_decisions_total") == 1
        assert (
            change(
                "vidsignal_decisions_total", action="allow", previous_action="none", decided_by="policy", market="DE"
            )
            == 1
        )
        assert change("vidsignal_amendments_total") == 0

    def test_a_changed_action_counts_as_a_decision_and_an_amendment(self, change: Change) -> None:
        """A provisional review that the last signal turns into an allow has left the review load."""
        count(accepted(), *CLEAN[:3], deadline(), CLEAN[3])
        assert change("vidsignal_decisions_total", action="review", previous_action="none") == 1
        assert change("vidsignal_decisions_total", action="allow", previous_action="review", decided_by="policy") == 1
        assert change("vidsignal_amendments_total", before="provisional", after="final", action="changed") == 1

    def test_a_person_is_told_from_the_policy(self, change: Change) -> None:
        """A review that changes the action counts for a person, and no label for it."""
        count(accepted(), RUDE, *OTHERS, REVIEW)
        assert change("vidsignal_decisions_total", action="block", previous_action="review", decided_by="person") == 1
        assert change("vidsignal_decision_labels_total", label=NUDITY) == 1

    def test_a_changed_policy_that_says_the_same_counts_nothing(self, change: Change) -> None:
        """Millions of verdicts may be decided again; reviewers are staffed for those that change."""
        count(accepted(), RUDE, *OTHERS, AGAIN)
        assert (change("vidsignal_decisions_total"), change("vidsignal_amendments_total")) == (1, 0)
        assert change("vidsignal_decision_labels_total") == 1

    def test_a_new_revision_is_decided_again(self, change: Change) -> None:
        """What held of an older revision is not what the new one was."""
        count(accepted(), *CLEAN, accepted(2), *(signal(modality, 2) for modality in EXPECTED))
        assert change("vidsignal_decisions_total", action="allow", previous_action="none") == 2

    def test_labels_count_in_their_market(self, change: Change) -> None:
        """A label that a rule acted on counts once, however many models said it; others do not."""
        count(accepted(market="DE"), RUDE, *OTHERS)
        assert change("vidsignal_decision_labels_total", label=NUDITY, market="DE") == 1
        assert change("vidsignal_decision_labels_total") == 1

    def test_modalities_count_at_the_first_decision(self, change: Change) -> None:
        """One state for each modality, and none again when a late one amends the verdict."""
        count(accepted(), failed_signal("frames"), *CLEAN[1:3], deadline(), CLEAN[3])
        assert change("vidsignal_decided_modalities_total", modality="frames", state="failed") == 1
        assert change("vidsignal_decided_modalities_total", state="present") == 2
        assert change("vidsignal_decided_modalities_total", state="missing") == 1


class TestDelays:
    def test_each_status_is_timed_once(self, change: Change) -> None:
        """Pending, provisional and final once each, whatever is published again."""
        for before, after in outcomes((accepted(), *CLEAN[:3], deadline(), CLEAN[3], VIEWS)):
            observe_delay(before, after, "live", UPLOADED_UNIX_SECONDS + 8)
        name = "vidsignal_upload_to_verdict_seconds"
        for status in ("pending", "provisional", "final"):
            assert change(f"{name}_count", status=status, lane="live") == 1
        assert change(f"{name}_sum", status="final", lane="live") == 8.0

    def test_backfill_is_told_apart(self, change: Change) -> None:
        """An old upload that is analysed again is no late live one."""
        for before, after in outcomes((accepted(lane="backfill"), *CLEAN)):
            observe_delay(before, after, "backfill", UPLOADED_UNIX_SECONDS + 90_000)
        assert change("vidsignal_upload_to_verdict_seconds_count", lane="live") == 0
        assert change("vidsignal_upload_to_verdict_seconds_count", lane="backfill", status="final") == 1


@pytest.mark.parametrize(("market", "label"), [("DE", "DE"), ("XK", "XK"), ("ZZ", "other"), (None, "none")])
def test_markets_are_few(market: str | None, label: str) -> None:
    """A market that does not exist makes no series of its own."""
    assert market_label(market) == label

"""Warnings that the log gives: kept with the revision or the deletion, and without any effect on an outcome."""

from __future__ import annotations

from itertools import pairwise

from msgspec.structs import replace

from schemas.codec import decode_fact, encode
from schemas.facts import Accepted, Fact
from schemas.warnings import MAX_WARNINGS, EventWarning, WarningKind, joined_warnings
from streams.decision.state import VideoState
from streams.observability import metrics
from streams.store.deletion_reading import decode_deletion, deletion_of
from streams.verdict.decision_metrics import count_warnings
from tests.sample_facts import accepted
from tests.unit.streams.verdict.folding import ALL_SIGNALS, deleted, fold_all, last_outcome, statuses

LATE = EventWarning(kind="long-deadline", message="8 hours", field="deadline_seconds")


def said(*facts: Fact) -> VideoState:
    state = fold_all(list(facts))[-1].state
    assert state is not None
    return state


def kinds(*facts: Fact) -> list[str]:
    current = said(*facts).accepted
    assert current is not None
    return [warning.kind for warning in current.warnings]


class TestRevisions:
    """An upload that goes with what was said before."""

    def test_what_intake_found_is_kept_with_the_revision(self) -> None:
        """Until the next revision, which has its own."""
        first = accepted(1, warnings=(LATE,))
        assert kinds(first, *ALL_SIGNALS) == ["long-deadline"]
        assert kinds(first, accepted(2)) == []

    def test_the_same_revision_with_other_content_is_told(self) -> None:
        """What was accepted first stands, and who sent the second is told so; once, however often it is sent."""
        first, second = accepted(1, content="a"), accepted(1, content="b", title="You are an idiot")
        assert kinds(first, second, second) == ["other-content"]
        assert kinds(first, *ALL_SIGNALS, second) == ["other-content"]
        current = said(first, second).accepted
        assert current is not None and current.title == first.title

    def test_the_same_revision_with_the_same_content_is_none(self) -> None:
        """A producer may send again; of an upload whose content an older release did not note, nothing is said."""
        assert kinds(accepted(1, content="a"), accepted(1, content="a")) == []
        assert kinds(accepted(1), accepted(1, content="b")) == []

    def test_a_lower_revision_is_told(self) -> None:
        """It changes nothing, and the revision that stands reports it."""
        assert kinds(accepted(3), accepted(1)) == ["lower-revision"]

    def test_outcomes_are_as_without_warnings(self) -> None:
        """No outcome more, none less, and none that says otherwise."""
        clean = [accepted(2, content="a"), *ALL_SIGNALS]
        warned = [replace(clean[0], warnings=(LATE,)), *ALL_SIGNALS, accepted(2, content="b"), accepted(1)]
        assert statuses(fold_all(warned)) == [*statuses(fold_all(clean)), None, None]
        assert last_outcome(fold_all(warned)) == last_outcome(fold_all(clean))


class TestDeletions:
    """A deletion that goes with what was said before."""

    def test_of_an_unknown_id_is_told(self) -> None:
        """It is kept with the deletion, where readers find it."""
        reading = decode_deletion(deletion_of(said(deleted(1))))
        assert [warning.kind for warning in reading.warnings] == ["unknown-video"]

    def test_of_a_known_id_is_none(self) -> None:
        """Nor is a deletion that is redelivered."""
        assert said(accepted(1), deleted(1)).deletion_warnings == ()
        assert said(accepted(1), deleted(1), deleted(1)).deletion_warnings == ()

    def test_its_own_warnings_are_kept(self) -> None:
        """Those that intake found in the event."""
        assert said(accepted(1), replace(deleted(1), warnings=(LATE,))).deletion_warnings == (LATE,)


def count_of(kind: WarningKind) -> float:
    return metrics.EVENT_WARNINGS.labels(kind)._value.get()


def test_what_the_log_finds_is_counted_once() -> None:
    """What intake found is not counted again, and a fold that finds nothing new counts nothing."""
    first, second = accepted(1, content="a", warnings=(LATE,)), accepted(1, content="b")
    folded = [None, *(each.state for each in fold_all([first, second, second]))]
    before = count_of("other-content"), count_of("long-deadline")
    for one, next_one in pairwise(folded):
        count_warnings(one, next_one)
    assert (count_of("other-content"), count_of("long-deadline")) == (before[0] + 1, before[1])


class TestWire:
    """Fields that are new."""

    def test_a_fact_without_warnings_is_spelt_as_before(self) -> None:
        """Older readers see what they know."""
        assert b"warnings" not in encode(accepted())
        assert b"content" not in encode(accepted())

    def test_facts_of_older_releases_are_read(self) -> None:
        """They have neither content nor warnings."""
        fact = decode_fact(encode(accepted()))
        assert isinstance(fact, Accepted)
        assert (fact.content, fact.warnings) == (None, ())

    def test_no_video_holds_more_than_a_number_of_them(self) -> None:
        """Whatever a sender repeats."""
        many = tuple(EventWarning(kind="unknown-field", message="", field=f"f{number}") for number in range(100))
        assert len(joined_warnings((), many)) == MAX_WARNINGS
        assert len(joined_warnings(joined_warnings((), many), (LATE,))) == MAX_WARNINGS

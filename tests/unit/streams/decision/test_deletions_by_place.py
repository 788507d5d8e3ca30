"""Deletions by their place among the uploads: in whatever order the log of facts holds them, all ends alike."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.facts import Accepted, Deleted, Fact, SourceOffset
from streams.decision.deletions import MAX_DELETIONS
from streams.decision.fold import Folded, fold
from streams.decision.state import VideoState
from tests.sample_facts import VIDEO_ID, accepted, deadline, signal
from tests.unit.streams.verdict.folding import context, deleted, fold_all, policy_changed, review, statuses, summary
from tests.upload_model import Life, as_sets, in_order_of_uploads

EXPECTED = ("frames", "audio")
EXAMPLES = settings(max_examples=400, deadline=None)


def place(offset: int, partition: int = 0, topic_id: str | None = "t") -> SourceOffset:
    return SourceOffset(topic="video.uploaded", partition=partition, offset=offset, topic_id=topic_id)


def uploaded(revision: int, at: SourceOffset | int, title: str = "") -> Accepted:
    source = place(at) if isinstance(at, int) else at
    return accepted(revision, expected=EXPECTED, source=source, title=title)


def deleted_before(at: SourceOffset | int) -> Deleted:
    before = place(at) if isinstance(at, int) else at
    return msgspec.structs.replace(deleted(), before=before)


def offset_of(event: Accepted | Deleted, explicit_offset: int) -> int:
    if isinstance(event, Accepted):
        return event.source.offset
    return event.before.offset if event.before is not None else explicit_offset


def life_of(folded: Sequence[Folded]) -> Life:
    state = folded[-1].state
    if state is None:
        return Life(0, 0)
    if state.accepted is not None:
        return Life(state.accepted.revision, 0)
    return Life(0, state.forgotten_revision)


def said_last(folded: Iterable[Folded]) -> int:
    """Revision of what readers are left with; 0 where it was withdrawn, or nothing was said."""
    revision = 0
    for step in folded:
        if step.outcome is not None:
            revision = step.outcome.version.revision
        elif step.state is not None and step.state.is_forgotten:
            revision = 0
    return revision


def ending(facts: Iterable[Fact]) -> Life:
    return life_of(fold_all(facts))


@st.composite
def one_partition(draw: st.DrawFn) -> tuple[list[Accepted | Deleted], list[int]]:
    """What producers say of a video, each event at an offset of its own."""
    kinds = draw(st.lists(st.sampled_from(("upload", "upload", "delete", "explicit")), min_size=1, max_size=7))
    events: list[Accepted | Deleted] = []
    for offset, kind in enumerate(kinds, 10):
        if kind == "upload":
            events.append(uploaded(draw(st.integers(1, 3)), offset))
        elif kind == "delete":
            events.append(deleted_before(offset))
        else:
            events.append(deleted(draw(st.integers(1, 3))))
    return events, list(range(10, 10 + len(kinds)))


@st.composite
def many_partitions(draw: st.DrawFn) -> list[Fact]:
    """Places that differ in partition or topic, in any order, some of them more than once."""
    places = st.builds(place, st.integers(10, 15), st.integers(0, 1), st.sampled_from(("t", "u", None)))
    events = st.one_of(
        st.builds(uploaded, st.integers(1, 3), places),
        st.builds(uploaded, st.integers(1, 3), places),
        st.builds(deleted_before, places),
        st.builds(deleted, st.integers(1, 3)),
    )
    facts: list[Fact] = list(draw(st.lists(events, min_size=1, max_size=9)))
    return facts


def with_signals(facts: Sequence[Fact], draw: st.DataObject) -> list[Fact]:
    """Every revision is analysed, and its signals lie anywhere in the log."""
    revisions = sorted({fact.revision for fact in facts if isinstance(fact, Accepted)})
    mixed: list[Fact] = list(facts)
    for revision, modality in itertools.product(revisions, EXPECTED):
        mixed.insert(draw.draw(st.integers(0, len(mixed))), signal(modality, revision))
    return mixed


class TestAgainstTheModels:
    """The fold and models that know nothing of it come to the same."""

    @EXAMPLES
    @given(one_partition(), st.data())
    def test_any_order_of_the_log_ends_as_the_order_of_uploads(
        self, told: tuple[list[Accepted | Deleted], list[int]], data: st.DataObject
    ) -> None:
        """Which revision lives, up to which all is dead, and what readers are left with."""
        events, offsets = told
        expected = in_order_of_uploads(events, offsets)
        facts = with_signals(data.draw(st.permutations(events)), data)
        folded = fold_all(facts)
        assert life_of(folded) == expected
        assert said_last(folded) == expected.living_revision
        state = folded[-1].state
        assert state is not None
        assert state.is_complete == (expected.living_revision > 0)

    @EXAMPLES
    @given(many_partitions(), st.data())
    def test_where_places_have_no_order_the_log_decides(self, facts: list[Fact], data: st.DataObject) -> None:
        """Other partitions, a topic that was created again, and facts that do not say which topic they mean."""
        folded = fold_all(with_signals(facts, data))
        expected = as_sets(facts)
        assert life_of(folded) == expected
        assert said_last(folded) == expected.living_revision

    @EXAMPLES
    @given(one_partition(), st.data())
    def test_facts_that_are_published_again_change_nothing(
        self, told: tuple[list[Accepted | Deleted], list[int]], data: st.DataObject
    ) -> None:
        """Intake may publish any of its facts again, as late as it likes."""
        events, offsets = told
        twice = data.draw(st.permutations([*events, *events]))
        assert ending(twice) == in_order_of_uploads(events, offsets)

    @given(one_partition())
    def test_versions_grow(self, told: tuple[list[Accepted | Deleted], list[int]]) -> None:
        """Of outcomes and deletions alike, whatever the order: readers keep the highest."""
        for events in itertools.islice(itertools.permutations(told[0]), 50):
            versions = [step.state.version for step in fold_all(events) if step.state and step.state.version]
            assert versions == sorted(versions)


class TestOneVideo:
    """The cases of the drills, one by one."""

    @pytest.mark.parametrize("facts", list(itertools.permutations([uploaded(1, 1), deleted_before(2), uploaded(2, 3)])))
    def test_a_revision_that_was_uploaded_after_the_deletion_lives(self, facts: Sequence[Fact]) -> None:
        """Whether the deletion's fact comes first, last or between."""
        assert ending(facts) == Life(2, 0)

    @pytest.mark.parametrize("facts", list(itertools.permutations([uploaded(1, 1), uploaded(2, 2), deleted_before(3)])))
    def test_a_revision_that_was_uploaded_before_the_deletion_dies(self, facts: Sequence[Fact]) -> None:
        """Also where its `accepted` comes after the deletion's fact."""
        assert ending(facts) == Life(0, 2)

    @pytest.mark.parametrize(
        "facts", list(itertools.permutations([uploaded(1, 10), deleted_before(11), uploaded(1, 12)]))
    )
    def test_the_same_revision_after_a_deletion_stays_deleted(self, facts: Sequence[Fact]) -> None:
        """Uploading again what was deleted takes a higher revision."""
        assert ending(facts) == Life(0, 1)

    def test_an_older_upload_that_comes_late_spares_what_lives(self) -> None:
        """It is dead, and so is all below it; a higher revision from after the deletion is not."""
        folded = fold_all([deleted_before(11), uploaded(2, 12), uploaded(1, 10)])
        assert (life_of(folded), folded[-1].ignored) == (Life(2, 0), "forgotten")

    def test_a_higher_revision_that_was_dead_takes_the_lower_one_with_it(self) -> None:
        """As if the deletion had been read in its turn: what was deleted is a guard for all below it."""
        assert ending([deleted_before(11), uploaded(2, 12), uploaded(3, 10)]) == Life(0, 3)

    def test_a_deletion_of_a_video_that_nobody_knows_keeps_the_first_revision_off(self) -> None:
        """Its facts may be gone, or still to come."""
        assert ending([deleted_before(11)]) == Life(0, 1)
        assert ending([deleted_before(11), uploaded(1, 12)]) == Life(0, 1)
        assert ending([deleted_before(11), uploaded(2, 12)]) == Life(2, 0)

    def test_what_dies_on_arrival_is_withdrawn_again_under_a_version_of_its_own(self) -> None:
        """Redis may hold its status and claims, and the guard has to rise."""
        folded = fold_all([deleted_before(11), uploaded(3, 10)])
        state = folded[-1].state
        assert state is not None
        assert (state.version, state.withdrawn_revision) == (state.version, 3)
        assert state.version is not None
        assert (state.version.revision, state.version.offset) == (3, 1)

    def test_signals_of_dead_revisions_change_nothing(self) -> None:
        """They carry no place; their revision is enough."""
        late = (signal("frames", 2), deadline(2), review("allow", revision=2), policy_changed(2), summary())
        folded = fold_all([uploaded(2, 10), deleted_before(11), *late])
        assert [step.ignored for step in folded[2:]] == ["forgotten"] * len(late)
        assert statuses(folded)[1:] == [None] * (len(late) + 1)

    def test_signals_that_wait_join_the_revision_that_lives(self) -> None:
        """They overtook an `accepted` from after the deletion."""
        folded = fold_all([deleted_before(11), signal("frames", 2), signal("audio", 2), uploaded(2, 12)])
        assert statuses(folded)[-1] == "final"

    def test_an_upload_that_comes_twice_is_decided_once(self) -> None:
        """Its lower place is remembered; nothing is said again."""
        folded = fold_all([uploaded(2, 14, "later"), uploaded(2, 12, "sooner"), deleted_before(13)])
        assert statuses(folded) == ["pending", None, None]
        assert life_of(folded) == Life(0, 2)

    def test_a_place_outlives_a_new_life(self) -> None:
        """What was uploaded before the deletion may still come."""
        state = fold_all([uploaded(1, 1), deleted_before(11), uploaded(2, 12)])[-1].state
        assert state is not None
        assert [deletion.before for deletion in state.deletions] == [place(11)]


class TestOtherForms:
    """Facts and states of other releases."""

    def test_a_deletion_of_before_goes_by_its_revision(self) -> None:
        """It has no place, and means what it meant: whatever comes up to it is dead, wherever it was uploaded."""
        assert ending([uploaded(1, 20), uploaded(2, 21), deleted(2)]) == Life(0, 2)
        assert ending([uploaded(1, 20), uploaded(2, 21), deleted(1)]) == Life(2, 0)

    def test_a_state_of_before_has_no_deletions(self) -> None:
        """It lacks the fields, and its uploads' places name no topic id: the order of the log decides."""
        state = fold_all([uploaded(1, place(5, topic_id=None))])[-1].state
        raw = msgspec.to_builtins(state)
        for name in ("deletions", "withdrawn_revision", "is_uploaded_elsewhere"):
            del raw[name]
        old = msgspec.json.decode(msgspec.json.encode(raw), type=VideoState)
        assert old == state
        assert life_of([fold(old, deleted_before(3), 9, context())]) == Life(0, 1)

    def test_no_more_deletions_are_kept_than_partitions_can_matter(self) -> None:
        """A producer that changes its partitioner for every event does not fill the store."""
        state = fold_all([deleted_before(place(5, partition)) for partition in range(MAX_DELETIONS + 3)])[-1].state
        assert state is not None
        assert [deletion.before.partition for deletion in state.deletions] == list(range(3, MAX_DELETIONS + 3))

    def test_the_facts_of_another_video_are_no_concern(self) -> None:
        """The cases above are about one."""
        assert {fact.video_id for fact in (uploaded(1, 1), deleted_before(2), signal())} == {VIDEO_ID}

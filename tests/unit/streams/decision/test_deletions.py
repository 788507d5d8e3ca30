"""Deletions by place: what of each partition is remembered, and what it covers."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from schemas.facts import SourceOffset
from schemas.warnings import EventWarning
from streams.decision.deletions import MAX_DELETIONS, Deletion, Deletions, is_deleted, is_uploaded_after, with_deletion
from streams.decision.state import VideoState
from streams.store.deletion_reading import DeletionReading, decode_deletion, deletion_of
from tests.sample_facts import accepted


def place(offset: int, partition: int = 0, topic_id: str | None = "t") -> SourceOffset:
    return SourceOffset(topic="video.uploaded", partition=partition, offset=offset, topic_id=topic_id)


def deletion(offset: int, partition: int = 0, log_offset: int = 0) -> Deletion:
    return Deletion(before=place(offset, partition), log_generation=0, log_offset=log_offset)


def after(places: list[tuple[int, int]]) -> Deletions:
    """All of them, in this order."""
    deletions: Deletions = ()
    for log_offset, (partition, offset) in enumerate(places):
        deletions = with_deletion(deletions, deletion(offset, partition, log_offset))
    return deletions


@given(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 5)), max_size=20))
def test_the_last_of_each_partition_is_remembered(places: list[tuple[int, int]]) -> None:
    """In the order in which they rose, and no more of them than matter."""
    highest: dict[int, int] = {}
    for partition, offset in places:
        if offset > highest.get(partition, -1):
            highest.pop(partition, None)
            highest[partition] = offset
            highest = dict(list(highest.items())[-MAX_DELETIONS:])
    assert [(known.before.partition, known.before.offset) for known in after(places)] == list(highest.items())


def test_one_that_is_known_changes_nothing() -> None:
    """The same object comes back, by which callers see it; a later one replaces what was known."""
    known = after([(0, 5), (1, 5)])
    assert with_deletion(known, deletion(5, 1, 9)) is known
    assert with_deletion(known, deletion(4, 0, 9)) is known
    assert with_deletion(known, deletion(6, 0, 9)) == (deletion(5, 1, 1), deletion(6, 0, 9))


def test_an_upload_is_deleted_up_to_the_place_of_the_deletion() -> None:
    """In its own partition; a topic that was created again has other places."""
    known = after([(0, 5), (1, 9)])
    assert [is_deleted(known, place(offset)) for offset in (4, 5, 6)] == [True, True, False]
    assert [is_deleted(known, place(offset, 1)) for offset in (9, 10)] == [True, False]
    assert not is_deleted(known, place(0, 2))
    assert not is_deleted((), place(0))
    assert not is_deleted(known, place(4, topic_id="another"))


def test_an_upload_lives_where_it_came_after_the_deletion() -> None:
    """Where places do not compare nobody can report it."""
    uploads = [place(5), place(6), place(6, 1), place(6, topic_id="another")]
    assert [is_uploaded_after(accepted(source=upload), place(5)) for upload in uploads] == [False, True, False, False]


def test_a_reader_is_told_of_the_last_deletion() -> None:
    """Revisions, the place that came last, and what was likely a mistake."""
    warning = EventWarning(kind="unknown-video", message="nothing is known of it")
    state = VideoState(
        log_generation=0,
        applied_offset=3,
        forgotten_revision=4,
        withdrawn_revision=2,
        deletions=after([(0, 5), (2, 7), (1, 9)]),
        deletion_warnings=(warning,),
    )
    expected = DeletionReading(revision=4, withdrawn_revision=2, before=place(9, 1), warnings=(warning,))
    assert decode_deletion(deletion_of(state)) == expected
    assert decode_deletion(deletion_of(msgspec.structs.replace(state, deletions=()))).before is None

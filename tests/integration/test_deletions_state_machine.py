"""Deletions by place under every interleaving: real intake, real scripts, a real Redis that may be emptied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule, run_state_machine_as_test
from msgspec import structs

from schemas.codec import Headers, decode_upload_or_deletion, encode
from schemas.dead_letters import DeadLetter
from schemas.facts import Accepted, Deleted, Fact
from schemas.topics import BACKFILL, SIGNALS, Topic
from schemas.uploads import DeletionRequested, FileSource, VideoUploaded
from streams.backfill.work import Readmission
from streams.dead_letters.redrive import redriven_headers
from streams.decision.state import VideoState
from streams.delivery.admission import Slot
from streams.intake.intake import AcceptanceRules, Intake, IntakeParts
from streams.record import Place, Record
from streams.store.deadlines import Deadlines
from streams.store.video_statuses import VideoStatuses
from streams.uploads.headers import backfill_headers
from streams.uploads.places import original_place
from tests.integration.test_protocol_state_machine import EXPECTED, ProtocolMachine, interleavings
from tests.sample_facts import UPLOADED_UNIX_SECONDS, accepted, signal
from tests.upload_model import Life, as_sets, in_order_of_uploads

ORDERED = "video-ordered"
"""All its events lie in one partition of uploads."""
SCATTERED = "video-scattered"
"""Its events came by two partitioners."""

video_ids = st.sampled_from((ORDERED, SCATTERED))
partitions = st.integers(0, 1)
revisions = st.integers(1, 3)

_DELETION, _REDRIVE, _REFUSED = 0, -1, -2
_WORDS = (1, 2, 3, _DELETION, _DELETION, _REDRIVE, _REFUSED)
_AROUND_A_DELETION = ((2, _DELETION, 2), (3, _DELETION, 3), (_REFUSED, _DELETION, _REDRIVE))
"""One revision before a deletion and after it; the last was dead-lettered at first, and counts from its first place."""

Burst = tuple[str, list[tuple[int, int]], list[int]]


@st.composite
def dense_segments(draw: st.DrawFn) -> Burst:
    """A video, its events and their partitions, and the order in which intake finishes them.

    An event is a revision, a deletion, a redrive of the video's first upload, or an upload that is dead-lettered.

    By a generator of random numbers, as the library's own choices are alike: of six orders it tried one in half of all
    cases and another never.
    """
    chance = draw(st.randoms(use_true_random=False))
    words = [chance.choice(_WORDS) for _ in range(chance.randint(2, 5))]
    if chance.random() < 0.5:
        words = list(chance.choice(_AROUND_A_DELETION))
    own_partition = chance.random() < 0.5  # of the burst
    partition = chance.randint(0, 1)
    events = [(word, partition if own_partition else chance.randint(0, 1)) for word in words]
    order = list(range(len(events)))
    chance.shuffle(order)
    return chance.choice((ORDERED, SCATTERED)), events, order


@dataclass
class LogOfFacts:
    """Where roles publish: facts become records of the log."""

    facts: list[Fact]

    async def publish(self, topic: Topic, key: str, event: Any, *, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        del key, headers
        assert topic in (SIGNALS, BACKFILL)
        if topic == SIGNALS:
            self.facts.append(event)


@dataclass
class Uploads:
    """The topic of uploads, of two partitions."""

    records: list[Record] = field(default_factory=list)
    untaken: list[Record] = field(default_factory=list)
    refused: set[Place] = field(default_factory=set)
    """Dead-lettered by intake: they count where they are sent again, if at all."""
    first_offsets: dict[Place, int] = field(default_factory=dict)
    """Of the event that each record sends again; its own where it is none."""

    def publish(self, event: VideoUploaded | DeletionRequested, partition: int) -> None:
        self._append(event.video_id.encode(), encode(event), partition, ())

    def redrive(self, record: Record) -> None:
        headers = tuple(redriven_headers(dead_letter_of(record)))
        again = self._append(record.key, record.value, record.place.partition, headers)
        self.first_offsets[again.place] = self.first_offsets[record.place]

    def refuse_last(self) -> None:
        """Intake writes a dead letter of the last record, and no fact."""
        self.refused.add(self.untaken.pop().place)

    def _append(self, key: bytes | None, value: bytes | None, partition: int, headers: Headers) -> Record:
        offset = sum(record.place.partition == partition for record in self.records)
        place = Place("video.uploaded", partition, offset)
        record = Record(place, key, value, headers, UPLOADED_UNIX_SECONDS, generation=1)
        self.records.append(record)
        self.untaken.append(record)
        self.first_offsets[place] = offset
        return record


class DeletionMachine(ProtocolMachine):
    """Intake takes events in any order, some of them twice; everything else is as in the protocol's machine."""

    videos: ClassVar[tuple[str, ...]] = (ORDERED, SCATTERED)
    append = upload = forget = None  # type: ignore[assignment]  # the rules of the other machine, which knows no places

    def __init__(self, redis_url: str) -> None:
        super().__init__(redis_url)
        self.uploads = Uploads()

    # ---- what producers do

    @initialize(
        dense_segments=st.lists(dense_segments(), min_size=1, max_size=2)
    )  # in place of the other machine's backlog
    def begin(self, dense_segments: list[Burst]) -> None:
        """Bursts of uploads, deletions and redrives, which intake finishes in any order."""
        for dense_segment in dense_segments:
            self.publish_burst(dense_segment)

    @rule(dense_segment=dense_segments())
    def publish_burst(self, dense_segment: Burst) -> None:
        """Several events in one breath, all of them in work at once; the rest of what is not taken in waits on."""
        video_id, events, order = dense_segment
        first = len(self.uploads.records)
        for revision, partition in events:
            self._publish_word(video_id, revision, partition)
        taken = self.uploads.records[first:]
        for record in (taken[number] for number in order if taken[number].place not in self.uploads.refused):
            self.runner.run(self._take_in(record))
            self.uploads.untaken.remove(record)

    def _publish_word(self, video_id: str, revision: int, partition: int) -> None:
        earlier = [record for record in self.uploads.records if _is_upload_of(record, video_id)]
        if revision > 0:
            self._publish(upload_of(video_id, revision), partition)
        elif revision == _REFUSED:
            self._publish(upload_of(video_id, 3), partition)
            self.uploads.refuse_last()
        elif revision == _REDRIVE and earlier:
            self.uploads.redrive(earlier[0])
        else:
            self._publish(DeletionRequested(video_id=video_id, deleted=True), partition)

    @rule(video_id=video_ids, revision=revisions, partition=partitions)
    def publish_upload(self, video_id: str, revision: int, partition: int) -> None:
        """A revision is uploaded."""
        self._publish(upload_of(video_id, revision), partition)

    @rule(video_id=video_ids, partition=partitions, named=st.sampled_from((None, None, None, 1, 2)))
    def publish_deletion(self, video_id: str, partition: int, named: int | None) -> None:
        """All that was uploaded before is to go, or what a revision names."""
        self._publish(DeletionRequested(video_id=video_id, deleted=True, revision=named), partition)

    @rule(video_id=video_ids, revision=revisions, modality=st.sampled_from(EXPECTED))
    def answer(self, video_id: str, revision: int, modality: Any) -> None:
        """A modality answers, for a revision that may be dead, or not accepted yet."""
        self.log.append(signal(modality, revision, video_id=video_id))

    # ---- what intake and operators do

    @precondition(lambda self: bool(self.uploads.untaken))
    @rule(number=st.integers(0, 99), is_again=st.booleans())
    def take_in(self, number: int, is_again: bool) -> None:
        """Intake comes to one of its events, whichever; it may die before it commits."""
        record = self.uploads.untaken[number % len(self.uploads.untaken)]
        self.runner.run(self._take_in(record))
        if not is_again:
            self.uploads.untaken.remove(record)

    @precondition(lambda self: bool(self.uploads.records))
    @rule(number=st.integers(0, 99))
    def redrive(self, number: int) -> None:
        """A dead letter of an upload is sent again."""
        record = self.uploads.records[number % len(self.uploads.records)]
        if isinstance(decode_upload_or_deletion(record.value), VideoUploaded):
            self.uploads.redrive(record)

    @precondition(lambda self: bool(self.uploads.records))
    @rule(number=st.integers(0, 99))
    def reprocess(self, number: int) -> None:
        """A past upload is sent again; where the store knows nothing of it, it is accepted once more."""
        record = self.uploads.records[number % len(self.uploads.records)]
        if isinstance(decode_upload_or_deletion(record.value), VideoUploaded):
            self.runner.run(self._reprocess(record))

    @rule()
    def empty_store(self) -> None:
        """Redis loses everything; the log is folded from its beginning, and intake goes on meanwhile."""
        self._restore(0, [])

    # ---- how it ends

    def teardown(self) -> None:
        """Intake takes what is left before workers finish."""
        for record in self.uploads.untaken:
            self.runner.run(self._take_in(record))
        super().teardown()

    @invariant()
    def lives_what_was_uploaded_last(self) -> None:
        """At every moment, not only at the end, where a later deletion hides what went wrong before it."""
        states, _ = self._fold_in_order()
        for video_id in self.videos:
            found = _life_of(states.get(video_id))
            assert found == as_sets([fact for fact in self.log if fact.video_id == video_id])
            if video_id == ORDERED and not self.uploads.untaken:
                assert found == self._expected_of_ordered()

    def _check_end(self) -> None:
        super()._check_end()
        self.lives_what_was_uploaded_last()

    def _expected_of_ordered(self) -> Life:
        refused = self.uploads.refused
        records = [one for one in self.uploads.records if one.key == ORDERED.encode() and one.place not in refused]
        places = [self.uploads.first_offsets[record.place] for record in records]
        return in_order_of_uploads(map(_fact_of, records), places)

    def _publish(self, event: VideoUploaded | DeletionRequested, partition: int) -> None:
        self.uploads.publish(event, 0 if event.video_id == ORDERED else partition)

    async def _take_in(self, record: Record) -> None:
        parts = IntakeParts(
            cases=VideoStatuses(self.redis, self.keys),
            deadlines=Deadlines(self.redis, self.keys),
            publisher=LogOfFacts(self.log),  # type: ignore[arg-type]
            dead_letters=None,  # type: ignore[arg-type]
            clock=self.clock,
        )
        intake = Intake(parts, AcceptanceRules(EXPECTED, {"live": 60.0, "backfill": 60.0}))
        await intake.run(record, Slot(record.place, 1))

    async def _reprocess(self, record: Record) -> None:
        place = original_place(record.source, record.headers)
        headers = backfill_headers(record.headers, record.timestamp_unix_seconds, "job", place=place)
        readmission = Readmission(
            redis=self.redis,
            keys=self.keys,
            publisher=LogOfFacts(self.log),  # type: ignore[arg-type]
            expected=EXPECTED,
            deadline_seconds=60.0,
            clock=self.clock,
        )
        again = replace(record, place=Place("video.backfill", 0, 0), headers=headers)
        await readmission.ensure(again, Slot(again.place, 1))


def _life_of(state: VideoState | None) -> Life:
    if state is None or (state.accepted is None and not state.is_forgotten):
        return Life(0, 0)
    return Life(state.revision, 0) if state.accepted else Life(0, state.forgotten_revision)


def upload_of(video_id: str, revision: int) -> VideoUploaded:
    return VideoUploaded(video_id=video_id, revision=revision, source=FileSource(path="v.mp4"))


def dead_letter_of(record: Record) -> DeadLetter:
    return DeadLetter(
        dead_letter_id="d", cause="media-missing", message="", role="media", attempts=1, source=record.source,
        source_timestamp_unix_seconds=0.0, failed_unix_seconds=0.0, key=record.key, headers=record.headers,
        value=record.value, value_bytes=0, value_sha256="",
    )  # fmt: skip


def _is_upload_of(record: Record, video_id: str) -> bool:
    event = decode_upload_or_deletion(record.value)
    return isinstance(event, VideoUploaded) and event.video_id == video_id


def _fact_of(record: Record) -> Accepted | Deleted:
    event = decode_upload_or_deletion(record.value)
    if isinstance(event, VideoUploaded):
        return accepted(event.revision, video_id=event.video_id)
    deleted = Deleted(video_id=event.video_id, revision=event.revision or 1, reason="", event_unix_seconds=0.0)
    return deleted if event.revision else structs.replace(deleted, before=record.source)


class TestDeletions:
    """Properties of deletions as a whole."""

    @pytest.mark.slow
    def test_any_interleaving_ends_as_the_topic_of_uploads_says(self, redis_url: str) -> None:
        """Intake out of order and twice, redrives, reprocessing, another partition, workers that race and die, a store
        that is restored or emptied: what lives is what was uploaded after the last deletion, in store and topics.
        """
        run_state_machine_as_test(
            lambda: DeletionMachine(redis_url),
            settings=interleavings(max_examples=60, steps=14),
        )

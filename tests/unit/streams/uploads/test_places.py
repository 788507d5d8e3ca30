"""Places among the uploads: of an event, of one that is sent again, and of one that claims another's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from schemas.codec import Headers, decode_fact, encode
from schemas.dead_letters import DeadLetter
from schemas.facts import Accepted, Deleted, SourceOffset
from schemas.identity import MODALITIES
from schemas.topics import SIGNALS
from schemas.uploads import DeletionRequested, FileSource, VideoUploaded
from streams.dead_letters.redrive import redriven_headers
from streams.delivery.admission import Slot
from streams.intake.intake import AcceptanceRules, Intake, IntakeParts
from streams.kafka.topic_ids import TopicFacts
from streams.record import Place, Record
from streams.store.video_statuses import Registered
from streams.uploads.headers import JOB_HEADER, REDRIVE_HEADER, passed_on
from streams.uploads.places import PLACE_HEADER, claimed_place, original_place, upload_place, with_place
from tests.fakes import ManualClock, MemoryPublisher

OWN = SourceOffset(topic="video.uploaded", partition=2, offset=50, topic_id="t")


class OneTopicId:
    """Answers alike, and notes for which generation."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    async def of(self, topic: str, generation: int) -> TopicFacts:
        self.asked.append((topic, generation))
        return TopicFacts("t")


class NothingRegistered:
    """A store that knows nothing and is asked for nothing but to register."""

    async def register(self, _: object) -> Registered:
        return Registered.WRITTEN


def record(event: VideoUploaded | DeletionRequested, headers: Headers = ()) -> Record:
    place = Place(OWN.topic, OWN.partition, OWN.offset)
    return Record(place, event.video_id.encode(), encode(event), headers, 1_000.0, generation=3)


def upload() -> VideoUploaded:
    return VideoUploaded(video_id="v", source=FileSource(path="v.mp4"))


async def said_by_intake(found: Record) -> Accepted | Deleted:
    publisher = MemoryPublisher()
    store: Any = NothingRegistered()
    parts = IntakeParts(store, store, publisher, None, ManualClock(), OneTopicId())  # type: ignore[arg-type]
    intake = Intake(parts, AcceptanceRules(MODALITIES, {"live": 1.0, "backfill": 1.0}))
    await intake.run(found, Slot(found.place, 1))
    (published,) = publisher.of(SIGNALS)
    fact = decode_fact(published.value)
    assert isinstance(fact, Accepted | Deleted)
    return fact


def dead_letter(source: SourceOffset, headers: Headers = ()) -> DeadLetter:
    return DeadLetter(
        dead_letter_id="d", cause="media-missing", message="", role="media", attempts=1, source=source,
        source_timestamp_unix_seconds=0.0, failed_unix_seconds=0.0, key=b"v", headers=headers, value=b"",
        value_bytes=0, value_sha256="",
    )  # fmt: skip


class TestPlace:
    """Which place an event has."""

    async def test_an_event_has_its_own_in_the_topic_that_is_there_now(self) -> None:
        """Its topic is asked for by the generation in which it was read."""
        ids = OneTopicId()
        assert await upload_place(record(upload()), ids) == OWN
        assert ids.asked == [("video.uploaded", 3)]

    @pytest.mark.parametrize("offset", [0, 7, 49])
    def test_a_claim_from_before_the_record_is_honoured(self, offset: int) -> None:
        """In the same partition; the topic is the one that the record is in."""
        claimed = replace(OWN, offset=offset, topic_id="forged")
        assert original_place(OWN, with_place((), claimed)) == replace(OWN, offset=offset)

    @pytest.mark.parametrize(
        "claimed",
        [
            replace(OWN, offset=50),
            replace(OWN, offset=51),
            replace(OWN, offset=-1),
            replace(OWN, offset=7, partition=1),
            replace(OWN, offset=7, topic="video.backfill"),
        ],
    )
    def test_no_claim_makes_an_event_newer_or_moves_it_elsewhere(self, claimed: SourceOffset) -> None:
        """A producer that writes headers of its own cannot bring its upload behind a deletion."""
        assert original_place(OWN, with_place((), claimed)) == OWN

    @pytest.mark.parametrize("value", [b"", b"7", b"{}", b"\xff", b'{"topic": 1}', b"[" * 100_000])
    def test_a_claim_that_cannot_be_read_is_none(self, value: bytes) -> None:
        """The event is taken as it is."""
        assert original_place(OWN, ((PLACE_HEADER, value),)) == OWN


class TestRedriven:
    """Dead letters that are sent again."""

    def test_an_upload_keeps_the_place_of_its_original(self) -> None:
        """However often it is sent again, and whatever it claimed beyond itself."""
        first = tuple(redriven_headers(dead_letter(replace(OWN, offset=7))))
        assert claimed_place(first) == replace(OWN, offset=7)
        second = redriven_headers(dead_letter(replace(OWN, offset=30), first))
        assert claimed_place(tuple(second)) == replace(OWN, offset=7)
        assert (REDRIVE_HEADER, b"2") in second
        forged = with_place((), replace(OWN, offset=99))
        assert claimed_place(tuple(redriven_headers(dead_letter(OWN, forged)))) == OWN

    def test_other_events_have_none(self) -> None:
        """Past uploads have theirs from before; engagement has no order with deletions."""
        past = with_place((), OWN)
        source = SourceOffset(topic="video.backfill", partition=2, offset=3)
        assert claimed_place(tuple(redriven_headers(dead_letter(source, past)))) == OWN
        engagement = SourceOffset(topic="video.engagement", partition=2, offset=3)
        assert claimed_place(tuple(redriven_headers(dead_letter(engagement)))) is None


class TestIntake:
    """What intake says of places."""

    @pytest.mark.parametrize("event", [upload, lambda: DeletionRequested(video_id="v", deleted=True)])
    @pytest.mark.parametrize(("headers", "offset"), [((), 50), (with_place((), replace(OWN, offset=7)), 7)])
    async def test_facts_name_the_place_of_their_event(
        self, event: Callable[[], VideoUploaded | DeletionRequested], headers: Headers, offset: int
    ) -> None:
        """Of the original where it was sent again; the store is asked nothing."""
        fact = await said_by_intake(record(event(), headers))
        place = fact.source if isinstance(fact, Accepted) else fact.before
        assert place == replace(OWN, offset=offset)

    async def test_a_deletion_without_a_revision_means_all_before_it(self) -> None:
        """And the first revision, of which facts may be gone; workers of releases before know no more."""
        fact = await said_by_intake(record(DeletionRequested(video_id="v", deleted=True, reason="r")))
        assert fact == Deleted(video_id="v", revision=1, reason="r", event_unix_seconds=1_000.0, before=OWN)

    async def test_a_deletion_with_a_revision_means_that_wherever_it_was_uploaded(self) -> None:
        """It has no place."""
        fact = await said_by_intake(record(DeletionRequested(video_id="v", deleted=True, revision=4)))
        assert fact == Deleted(video_id="v", revision=4, reason="", event_unix_seconds=1_000.0)


@pytest.mark.parametrize("count", [b"yes", b"", b"-1", b"9" * 5_000, "\u0663".encode(), b"\xff"])
def test_a_redrive_count_that_is_no_number_counts_as_none(count: bytes) -> None:
    """Any producer may write that header; it never keeps a dead letter from being sent again."""
    assert redriven_headers(dead_letter(OWN, ((REDRIVE_HEADER, count),)))[-1] == (REDRIVE_HEADER, b"1")


class TestOddHeaders:
    @pytest.mark.parametrize(
        "value",
        [b'{"topic":"video.uploaded","partition":2,"offset":1,"x":' + b"[" * 100_000, b"[" * 100_000, b"\xff", b"{}"],
        ids=["a deep field", "deep", "no text", "empty"],
    )
    def test_a_place_that_cannot_be_read_is_none(self, value: bytes) -> None:
        """Anyone who may publish writes this header; its upload is as good as any, and so is its dead letter."""
        assert original_place(OWN, ((PLACE_HEADER, value),)) == OWN

    async def test_a_header_that_we_would_not_write_is_left_behind(self) -> None:
        """An upload with a header of its topic's size makes a fact that the log takes."""
        headers = ((REDRIVE_HEADER, b"1" * 4_000_000), (JOB_HEADER, b"job-1"))
        assert passed_on(record(upload(), headers)) == ((JOB_HEADER, b"job-1"),)

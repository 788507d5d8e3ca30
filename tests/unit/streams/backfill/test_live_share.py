"""One creator's flood: others do not wait behind it, and every upload is analysed by exactly one of the two roles."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.codec import encode
from schemas.facts import Failure
from schemas.identity import MODALITIES
from schemas.topics import BACKFILL
from schemas.uploads import DeletionRequested, FileSource, VideoUploaded
from streams.backfill.creator_shares import CreatorShares
from streams.backfill.live_share import LiveShare, LiveShareWork
from streams.config.settings import read_settings
from streams.delivery.admission import Slot
from streams.kafka.publisher import RecordTooLarge
from streams.kafka.topic_ids import NoTopicIds
from streams.record import Place, Record
from streams.uploads.headers import JOB_HEADER, SHARE_HEADER, as_uploaded
from streams.uploads.places import claimed_place
from streams.worker.roles import live_uploads_per_minute
from tests.fakes import MemoryPublisher

NOON = 1_700_000_040.0
PER_MINUTE = 5
FAILURE = Failure(cause="media-empty", message="no bytes")


def upload_record(name: str, offset: int = 0, creator: str | None = "ann", seconds: float = 0.0, **more: Any) -> Record:
    upload = VideoUploaded(video_id=name, source=FileSource(path="v.mp4"), creator_id=creator, **more)
    return record(name, encode(upload), offset, seconds)


def record(name: str, value: bytes, offset: int = 0, seconds: float = 0.0) -> Record:
    place = Place("video.uploaded", offset % 4, offset // 4)
    return Record(place, name.encode(), value, (("ce_id", b"1"), (JOB_HEADER, b"forged")), NOON + seconds, 1)


class Agent:
    """Notes what it was given."""

    def __init__(self) -> None:
        self.seen: list[bytes | None] = []
        self.failed: list[bytes | None] = []

    async def run(self, found: Record, slot: Slot) -> None:
        del slot
        self.seen.append(found.key)

    async def fail(self, found: Record, slot: Slot, failure: Failure) -> None:
        del slot, failure
        self.failed.append(found.key)


class Role:
    """The agents of a media role, with one share."""

    def __init__(self, publisher: Any = None, per_minute: int = PER_MINUTE) -> None:
        self.publisher: Any = publisher or MemoryPublisher()
        share = LiveShare(CreatorShares(per_minute), self.publisher, NoTopicIds())  # type: ignore[arg-type]
        self.agents = [Agent() for _ in MODALITIES]
        self.works = [LiveShareWork(agent, share) for agent in self.agents]

    async def meet(self, *records: Record) -> None:
        for each in records:
            slot = Slot(each.place, each.generation)
            for work in self.works:
                await work.run(each, slot)

    @property
    def analysed(self) -> list[bytes | None]:
        """The videos that all agents were given, in order."""
        assert all(agent.seen == self.agents[0].seen for agent in self.agents)
        return self.agents[0].seen

    @property
    def left(self) -> list[str]:
        """The videos that were published for the backfill role."""
        return [each.key for each in self.publisher.of(BACKFILL)]


class TooLarge:
    async def publish(self, *_given: Any, **_more: Any) -> int:
        raise RecordTooLarge("headers")


class TestFlood:
    async def test_others_wait_for_a_bounded_number_of_its_videos(self) -> None:
        """Of 10,000 uploads in 100 seconds, at most one share a minute is analysed before those of others."""
        flood = [upload_record(f"f{number}", number, "flood", number / 100) for number in range(10_000)]
        others = [upload_record(f"o{number}", 10_000 + number, f"c{number}", number) for number in range(100)]
        records = sorted([*flood, *others], key=lambda each: each.timestamp_unix_seconds)
        role = Role()
        await role.meet(*records)
        assert [key for key in role.analysed if key.startswith(b"o")] == [each.key for each in others]  # type: ignore[union-attr]
        assert sum(key.startswith(b"f") for key in role.analysed) == 2 * PER_MINUTE  # type: ignore[union-attr]

    async def test_each_upload_is_in_one_place(self) -> None:
        """Nothing is lost, and nothing is analysed twice."""
        flood = [upload_record(f"f{number}", number) for number in range(200)]
        role = Role()
        await role.meet(*flood)
        analysed = [key.decode() for key in role.analysed]  # type: ignore[union-attr]
        assert sorted([*analysed, *role.left]) == sorted(f"f{number}" for number in range(200))

    async def test_what_is_left_is_as_its_producer_sent_it(self) -> None:
        """Bytes and headers, with the place and the time of the upload; a sender cannot claim a job."""
        role = Role(per_minute=1)
        second = upload_record("b", 9, seconds=3.5)
        await role.meet(upload_record("a"), second)
        [passed] = role.publisher.of(BACKFILL)
        assert (passed.key, passed.value) == ("b", second.value)
        names = [name for name, _ in passed.headers]
        assert names[0] == "ce_id"
        assert SHARE_HEADER in names
        assert JOB_HEADER not in names
        assert claimed_place(passed.headers) == second.source
        again = Record(Place("video.backfill", 0, 0), b"b", passed.value, passed.headers, NOON + 900.0, 1)
        assert as_uploaded(again).timestamp_unix_seconds == NOON + 3.5


class TestWhoIsNotLeft:
    @pytest.mark.parametrize(
        "found",
        [
            upload_record("v", creator=None),
            upload_record("v", lane="backfill"),
            record("v", encode(DeletionRequested(video_id="v", deleted=True))),
            record("v", b"no json"),
            record("other", upload_record("v").value or b""),
        ],
        ids=["no-creator", "backfill-lane", "deletion", "unreadable", "wrong-key"],
    )
    async def test_the_agents_decide(self, found: Record) -> None:
        """They and intake answer for all that is no live upload of a named creator."""
        role = Role(per_minute=1)
        await role.meet(*[upload_record("first")], *[found] * 3)
        assert role.left == []
        assert role.analysed == [b"first", *[found.key] * 3]

    async def test_a_record_without_space_for_our_headers(self) -> None:
        """It is analysed at once rather than given up."""
        role = Role(TooLarge(), per_minute=1)
        await role.meet(upload_record("a", 0), upload_record("b", 1))
        assert role.analysed == [b"a", b"b"]


class TestFailures:
    async def test_of_an_upload_that_was_left(self) -> None:
        """The backfill role answers for it; an agent that fails here says nothing."""
        role, second = Role(per_minute=1), upload_record("b", 1)
        await role.meet(upload_record("a", 0))
        slot = Slot(second.place, 1)
        await role.works[0].run(second, slot)
        await role.works[1].fail(second, slot, FAILURE)
        assert role.agents[1].failed == []

    async def test_of_an_upload_that_was_not(self) -> None:
        """Its agent answers, also if the event was never begun, as after crashes."""
        role, first = Role(per_minute=1), upload_record("a", 0)
        await role.works[0].fail(first, Slot(first.place, 1), FAILURE)
        assert role.agents[0].failed == [b"a"]

    async def test_no_upload_is_dropped_while_the_broker_is_unavailable(self) -> None:
        """The event is not finished until the record is confirmed."""

        class UnavailablePublisher:
            async def publish(self, *_given: Any, **_more: Any) -> int:
                raise ConnectionError("away")

        role = Role(UnavailablePublisher(), per_minute=1)
        await role.meet(upload_record("a", 0))
        with pytest.raises(ConnectionError):
            await role.meet(upload_record("b", 1))
        assert role.analysed == [b"a"]


class TestLiveUploadsPerMinute:
    @pytest.mark.parametrize(
        ("given", "per_minute"),
        [
            ({"decode_processes": 1}, 30),
            ({"decode_processes": 2}, 30),
            ({"decode_processes": 8}, 120),
            ({"roles": "intake,media,verdict"}, 0),
            ({"roles": "media", "creator_live_uploads_per_minute": 7}, 7),
            ({"creator_live_uploads_per_minute": 0}, 0),
        ],
    )
    def test_only_next_to_a_backfill_role_by_default(self, given: dict[str, Any], per_minute: int) -> None:
        """Where no worker may have that role, nothing is left to it without being asked. The share grows with what the
        worker analyses."""
        assert live_uploads_per_minute(read_settings(**given)) == per_minute

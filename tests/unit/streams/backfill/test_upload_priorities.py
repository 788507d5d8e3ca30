"""Who works on an upload of the backfill lane: intake passes it on, media skips it, the backfill role answers."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.codec import decode_fact, encode
from schemas.facts import Accepted, SourceOffset
from schemas.identity import MODALITIES
from schemas.topics import BACKFILL, SIGNALS
from schemas.uploads import FileSource, VideoUploaded
from streams.backfill.work import BackfillWork, Readmission
from streams.delivery.admission import Slot
from streams.intake.intake import AcceptanceRules, Intake, IntakeParts
from streams.record import Place, Record
from streams.store.keys import Keys
from streams.store.video_statuses import Registered
from streams.uploads.headers import JOB_HEADER, UPLOADED_HEADER, backfill_headers
from streams.uploads.places import PLACE_HEADER
from tests.fakes import ManualClock, MemoryPublisher

UPLOADED_SECONDS = 1_600_000_000.5
LIVE_SECONDS, BACKFILL_SECONDS = 600.0, 86_400.0
ORIGINAL = SourceOffset(topic="video.uploaded", partition=0, offset=3, topic_id="t")


class VideoStatuses:
    def __init__(self, answer: Registered) -> None:
        self.answer = answer

    async def register(self, accepted: Accepted) -> Registered:
        del accepted
        return self.answer


class Deadlines:
    async def register(self, deadline: Any) -> None:
        del deadline


class Store:
    """Answers whether one of some keys exists."""

    def __init__(self, *names: str) -> None:
        self.names = names

    async def exists(self, *names: str) -> int:
        return len(set(names) & set(self.names))


def record(*headers: tuple[str, bytes], topic: str = "video.uploaded", **fields: Any) -> Record:
    upload = VideoUploaded(video_id="v", source=FileSource(path="v.mp4"), **fields)
    return Record(Place(topic, 0, 5), b"v", encode(upload), headers, UPLOADED_SECONDS, generation=1)


async def taken_in(found: Record, answer: Registered = Registered.WRITTEN) -> MemoryPublisher:
    publisher = MemoryPublisher()
    parts: Any = IntakeParts(VideoStatuses(answer), Deadlines(), publisher, None, ManualClock())  # type: ignore[arg-type]
    intake = Intake(parts, AcceptanceRules(MODALITIES, {"live": LIVE_SECONDS, "backfill": BACKFILL_SECONDS}))
    await intake.run(found, Slot(found.place, 1))
    return publisher


def accepted_of(publisher: MemoryPublisher) -> Accepted:
    [fact] = [decode_fact(published.value) for published in publisher.of(SIGNALS)]
    assert isinstance(fact, Accepted)
    return fact


class TestIntake:
    async def test_passes_the_backfill_lane_on(self) -> None:
        """Bytes and headers as they came, after `accepted`, with the place and the time of the upload."""
        found = record(("ce_id", b"1"), lane="backfill")
        publisher = await taken_in(found)
        [passed] = publisher.of(BACKFILL)
        assert (passed.key, passed.value) == ("v", found.value)
        place = (PLACE_HEADER, encode(found.source))
        assert passed.headers == (("ce_id", b"1"), place, (UPLOADED_HEADER, repr(UPLOADED_SECONDS).encode()))
        assert [each.topic for each in publisher.records] == [SIGNALS, BACKFILL]

    async def test_keeps_live_uploads(self) -> None:
        """They are the media role's, which reads them where they are."""
        assert (await taken_in(record())).of(BACKFILL) == []

    async def test_passes_nothing_on_that_is_forgotten(self) -> None:
        """There is no case, so there is no work."""
        assert (await taken_in(record(lane="backfill"), Registered.FORGOTTEN)).records == []

    @pytest.mark.parametrize(
        ("fields", "budget_seconds"),
        [
            ({}, LIVE_SECONDS),
            ({"lane": "backfill"}, BACKFILL_SECONDS),
            ({"lane": "backfill", "deadline_seconds": 5.0}, 5.0),
        ],
    )
    async def test_waiting_in_the_lane_is_no_delay(self, fields: dict[str, Any], budget_seconds: float) -> None:
        """Where the producer names no budget, each lane has its own."""
        accepted = accepted_of(await taken_in(record(**fields)))
        assert accepted.deadline_unix_seconds == UPLOADED_SECONDS + budget_seconds


class Agent:
    """Notes what it was given."""

    def __init__(self) -> None:
        self.seen: list[Record] = []

    async def run(self, found: Record, slot: Slot) -> None:
        del slot
        self.seen.append(found)

    async def fail(self, found: Record, slot: Slot, failure: Any) -> None:
        raise AssertionError(failure)


async def worked_on(found: Record, store: Store) -> tuple[Agent, MemoryPublisher]:
    publisher, agent, slot = MemoryPublisher(), Agent(), Slot(found.place, 1)
    readmission = Readmission(
        redis=store,  # type: ignore[arg-type]
        keys=Keys(),
        publisher=publisher,  # type: ignore[arg-type]
        expected=MODALITIES,
        deadline_seconds=BACKFILL_SECONDS,
        clock=ManualClock(),
    )
    for _ in MODALITIES:
        await BackfillWork(agent, readmission).run(found, slot)
    return agent, publisher


def sent_again(job_id: str | None = "job-1", place: SourceOffset | None = ORIGINAL) -> Record:
    headers = backfill_headers((), UPLOADED_SECONDS - 50.0, job_id, place=place)
    return record(*headers, topic="video.backfill")


class TestBackfillRole:
    async def test_agents_see_the_upload_as_it_was_published(self) -> None:
        """Features and deadlines count from the upload, not from when it was sent again."""
        agent, _ = await worked_on(sent_again(), Store(Keys().state("v")))
        assert {seen.timestamp_unix_seconds for seen in agent.seen} == {UPLOADED_SECONDS - 50.0}

    async def test_a_known_video_is_not_accepted_again(self) -> None:
        """Its state is there, or a guard refuses it anyway."""
        for name in (Keys().state("v"), Keys().deletion_marker("v")):
            _, publisher = await worked_on(sent_again(), Store(name))
            assert publisher.records == []

    async def test_a_lost_state_is_accepted_once_more(self) -> None:
        """Once for all agents, with a deadline from now on and the time of the upload."""
        _, publisher = await worked_on(sent_again(), Store())
        accepted, now = accepted_of(publisher), ManualClock().now_unix_seconds()
        assert accepted.deadline_unix_seconds == now + BACKFILL_SECONDS
        assert accepted.uploaded_unix_seconds == UPLOADED_SECONDS - 50.0
        assert (JOB_HEADER, b"job-1") in publisher.records[0].headers

    async def test_what_is_accepted_once_more_keeps_the_place_of_its_upload(self) -> None:
        """So a deletion that came after the upload comes after this, too; without a header it is its own."""
        _, publisher = await worked_on(sent_again(), Store())
        assert accepted_of(publisher).source == ORIGINAL
        unplaced = sent_again(place=None)
        _, publisher = await worked_on(unplaced, Store())
        assert accepted_of(publisher).source == unplaced.source

    async def test_what_intake_passed_on_is_accepted_already(self) -> None:
        """Its `accepted` is in the log, perhaps not folded yet."""
        _, publisher = await worked_on(sent_again(None), Store())
        assert publisher.records == []

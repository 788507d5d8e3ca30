"""Facts of a newer release, on a real Redis: they wait for it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from redis.asyncio import Redis

from schemas.facts import Review
from streams.record import Record
from streams.store.readers import read_video
from tests.integration.gap_world import KEYS, OTHER, World, clip, forget_kind, rest
from tests.sample_facts import VIDEO_ID, log_record

pytestmark = pytest.mark.usefixtures("silent_logs")


@pytest.fixture
def world(redis: Redis) -> World:
    return World(redis)


class TestNewerFacts:
    async def test_wait_for_the_newer_release(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """An older worker marks the video and goes on; the present one then comes to the fold of the whole log."""
        await world.handle(*clip(), *clip(OTHER))
        with monkeypatch.context() as older:
            forget_kind(older, "review")
            await world.handle(Review(
                video_id=VIDEO_ID, revision=1, action="block", reviewer="r", reason="", event_unix_seconds=1.0
            ), rest(), rest(OTHER))  # fmt: skip
            await world.look()
            gap = await world.gaps.read(VIDEO_ID)
            assert gap is not None
            assert (gap.cause, gap.kind) == ("newer-fact", "review")
            assert (await world.verdict(OTHER)).status == "final"
            assert (await world.verdict()).action != "allow"
            reading = await read_video(world.redis, KEYS, VIDEO_ID)
            assert reading is not None
            assert reading.status["gap"] == "newer-fact"
        num_records = len(world.log)
        world.start("2")
        await world.poll.wake()
        assert await world.look() == 1
        await world.check_healed()
        assert (await world.verdict()).action == "block"
        assert len(world.log) == num_records

    async def test_a_newer_layout_waits_too(self, world: World) -> None:
        """An event type that is not known reports it, whatever the bytes are."""
        record = log_record(rest(), 2)
        newer = Record(
            record.place, record.key, b"\x00", (("ce_type", b"video.signal.v2"),), record.timestamp_unix_seconds, 0
        )
        await world.handle(*clip(), newer)
        gap = await world.gaps.read(VIDEO_ID)
        assert gap is not None
        assert (gap.cause, gap.type) == ("newer-fact", "video.signal.v2")

    async def test_what_is_no_fact_of_ours_opens_no_gap(self, world: World) -> None:
        """Bytes that anybody wrote under the key of a video hold nothing up."""
        record = log_record(rest(), 2)
        foreign = [
            Record(record.place, record.key, value, (), record.timestamp_unix_seconds, 0)
            for value in (
                b"\xff",
                b"{}",
                b'{"kind": 7, "video_id": "video-1"}',
                b'{"kind": "new", "video_id": "other"}',
            )
        ]
        await world.handle(*clip())
        for offset, each in enumerate(foreign, 2):
            await world.role.run(moved(each, offset))
        assert await world.gaps.read(VIDEO_ID) is None


def moved(record: Record, offset: int) -> Record:
    return replace(record, place=replace(record.place, offset=offset))

"""Claims, progress and dead letters on a real Redis."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from prometheus_client import REGISTRY
from redis.exceptions import NoPermissionError

from ops.local.redis_server import RedisServer
from ops.local.scratch import scratch_dir
from schemas.codec import encode
from schemas.evidence import TextFound
from schemas.facts import Deleted, Failure
from schemas.topics import DEAD_LETTER
from streams.dead_letters.dead_letters import DeadLetters, dead_letter_id
from streams.decision.fold import fold
from streams.decision.outcome import FoldContext
from streams.record import Place, Record
from streams.store.applied import AppliedOffsets
from streams.store.claims import Claims, Prior
from streams.store.client import open_store
from streams.store.keys import Keys
from streams.store.outcomes import Outcomes
from streams.store.recognised_texts import TEXT_KEYS, read_texts
from streams.store.rollback_detector import RollbackDetector, StoreRolledBack
from tests.fakes import ManualClock, MemoryPublisher
from tests.integration.verdict_world import RULESET
from tests.sample_facts import signal

PLACE = Place("video.uploaded", 1, 7)
KEYS = Keys("test.")
HEARD = (TextFound(model="m@1", text="words", score=0.9, start_seconds=1.0, end_seconds=2.0, language="en"),)


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[Any]:
    """A client of the store, as a worker opens it."""
    client = open_store(redis_url)
    yield client
    await client.aclose()


class TestClaims:
    async def test_the_first_claim_stays(self, store: Any) -> None:
        """Who claims later gets what was claimed first, byte for byte."""
        claims = Claims(store, KEYS, ttl_seconds=100)
        assert await claims.claim("video", "id", b"first", revision=1) == b"first"
        assert await claims.claim("video", "id", b"second", revision=1) == b"first"
        assert 0 < await store.ttl(KEYS.claims("video")) <= 100

    async def test_recognised_text_goes_with_the_first_claim(self, store: Any) -> None:
        """For its own time, next to the claim and in no signal; one without text drops that of the revision before."""
        claims = Claims(store, KEYS, ttl_seconds=100, text_retention_seconds=50)
        for name, said in (("id", HEARD), ("id", ())):
            await claims.claim("video", name, b"first", revision=1, modality="audio", texts=said)
            assert await read_texts(store, KEYS, "video") == HEARD
        assert 0 < await store.ttl(KEYS.speech_text("video")) <= 50
        await claims.claim("video", "next", b"second", revision=2, modality="audio", texts=())
        assert await read_texts(store, KEYS, "video") == ()

    async def test_no_text_is_kept_without_a_setting(self, store: Any) -> None:
        """The default keeps none, and drops what another setting had kept."""
        for name, seconds in (("kept", 50), ("id", 0)):
            claims = Claims(store, KEYS, ttl_seconds=100, text_retention_seconds=seconds)
            await claims.claim("video", name, b"first", revision=1, modality="audio", texts=HEARD)
        assert await store.exists(KEYS.speech_text("video")) == 0

    async def test_a_deletion_takes_recognised_text(self, store: Any) -> None:
        """Of speech and of pictures; what is claimed later stores none, because the revision is deleted."""
        claims, outcomes = Claims(store, KEYS, 100, text_retention_seconds=50), Outcomes(store, KEYS)
        for modality in TEXT_KEYS:
            await claims.claim("spoken", modality, b"first", revision=1, modality=modality, texts=HEARD)
        deleted = Deleted(video_id="spoken", revision=1, reason="", event_unix_seconds=0.0)
        folded = fold(None, deleted, 7, FoldContext(RULESET.policy, RULESET.prices, 0, 0.0))
        assert folded.state is not None
        assert await outcomes.replace("spoken", None, folded.state, None)
        await claims.claim("spoken", "late", b"late", revision=1, modality="audio", texts=HEARD)
        assert await read_texts(store, KEYS, "spoken") == ()

    async def test_a_claim_that_is_met_lives_on(self, store: Any) -> None:
        """Each meeting begins the claim's time again."""
        await Claims(store, KEYS, ttl_seconds=100).claim("video", "id", b"first", revision=1)
        await Claims(store, KEYS, ttl_seconds=1000).claim("video", "id", b"second", revision=1)
        assert await store.ttl(KEYS.claims("video")) > 100

    async def test_a_deletion_takes_the_claims_of_its_revisions(self, store: Any) -> None:
        """A newer revision's signals may be out already: computed once more they would be published with two contents.
        A claim of which nobody says the revision goes, too.
        """
        claims, outcomes = Claims(store, KEYS, ttl_seconds=100), Outcomes(store, KEYS)
        for signal_id, revision in (("old", 1), ("new", 2)):
            await claims.claim("claimed", signal_id, b"first", revision=revision)
        await store.hset(KEYS.claims("claimed"), "of-a-former-release", b"{}")
        deleted = Deleted(video_id="claimed", revision=1, reason="", event_unix_seconds=0.0)
        folded = fold(None, deleted, 7, FoldContext(RULESET.policy, RULESET.prices, 0, 0.0))
        assert folded.state is not None
        assert await outcomes.replace("claimed", None, folded.state, None)
        assert await store.hkeys(KEYS.claims("claimed")) == [b"new", b"#new"]
        assert await claims.claim("claimed", "new", b"second", revision=2) == b"first"
        assert await claims.claim("claimed", "old", b"second", revision=1) is None

    @pytest.mark.parametrize(("revision", "is_forgotten"), [(1, True), (2, True), (3, False)])
    async def test_no_claim_of_a_forgotten_revision(self, store: Any, revision: int, is_forgotten: bool) -> None:
        """The deletion's own revision and those below it leave nothing; a higher one is claimed."""
        claims = Claims(store, KEYS, ttl_seconds=100)
        await store.set(KEYS.deletion_marker("video"), 2)
        claimed = await claims.claim("video", "id", b"first", revision=revision)
        assert claimed == (None if is_forgotten else b"first")
        assert await store.exists(KEYS.claims("video")) == (not is_forgotten)

    async def test_no_new_claim_of_an_outlived_revision(self, store: Any) -> None:
        """A deletion took its claim, and the next life the marker, while a slow worker computed: it publishes nothing
        that differs from what is in the log. What is still claimed is published again, as before."""
        claims = Claims(store, KEYS, ttl_seconds=100)
        await claims.claim("video", "claimed", b"first", revision=1)
        await store.hset(KEYS.status("video"), "revision", 2)
        assert await claims.claim("video", "taken", b"second", revision=1) is None
        assert await claims.claim("video", "claimed", b"second", revision=1) == b"first"
        assert await claims.claim("video", "next", b"first", revision=2) == b"first"

    async def test_looks_up_the_preferred_name_first(self, store: Any) -> None:
        """Of several names the first that is claimed counts; the newest known revision comes with it."""
        claims = Claims(store, KEYS, ttl_seconds=100)
        assert await claims.look_up("video", ("ok", "failed")) == Prior(None, 0)
        await claims.claim("video", "failed", b"failed", revision=1)
        await store.hset(KEYS.status("video"), "revision", 3)
        assert await claims.look_up("video", ("ok", "failed")) == Prior(b"failed", 3)
        await claims.claim("video", "ok", b"ok", revision=3)
        assert await claims.look_up("video", ("ok", "failed")) == Prior(b"ok", 3)

    @pytest.mark.parametrize("left", [b"\x00no-bytes-of-ours", b'{"no": "fact"}'])
    async def test_a_claim_that_cannot_be_read_is_computed_again(self, store: Any, left: bytes) -> None:
        """It is taken away with its revision, and another name's claim serves meanwhile; other claims stay."""
        claims, name = Claims(store, KEYS, ttl_seconds=100), KEYS.claims("video")
        removed = REGISTRY.get_sample_value("vidsignal_store_keys_removed_total", {"key": "claims"}) or 0.0
        await store.hset(name, mapping={"ok": left, "#ok": 1})
        await claims.claim("video", "failed", b"failed", revision=1)
        assert await claims.look_up("video", ("ok", "failed")) == Prior(b"failed", 0)
        assert await store.hkeys(name) == [b"failed", b"#failed"]
        assert REGISTRY.get_sample_value("vidsignal_store_keys_removed_total", {"key": "claims"}) == removed + 1
        await store.hset(name, mapping={"ok": left, "#ok": 1})
        assert await claims.claim("video", "ok", b"again", revision=2) == b"again"
        assert (await store.hget(name, "#ok"), await store.hlen(name)) == (b"2", 4)

    async def test_json_from_before_there_was_packing_is_served(self, store: Any) -> None:
        """A fact as a former release stored it, byte for byte."""
        claims, fact = Claims(store, KEYS, ttl_seconds=100), encode(signal())
        await store.hset(KEYS.claims("video"), "ok", fact)
        assert await claims.look_up("video", ("ok",)) == Prior(fact, 0)
        assert await claims.claim("video", "ok", b"other", revision=1) == fact

    async def test_looks_up_what_is_forgotten(self, store: Any) -> None:
        """The deletion's revision comes with the rest; what is no number forgets nothing."""
        claims = Claims(store, KEYS, ttl_seconds=100)
        await store.set(KEYS.deletion_marker("video"), 4)
        assert await claims.look_up("video", ("ok",)) == Prior(None, 0, forgotten_revision=4)
        await store.set(KEYS.deletion_marker("video"), b"four")
        await store.hset(KEYS.status("video"), "revision", "two")
        assert await claims.look_up("video", ("ok",)) == Prior(None, 0)
        assert await claims.claim("video", "ok", b"ok", revision=1) == b"ok"

    @pytest.mark.parametrize("kind", ["claims", "deletion_marker"])
    async def test_a_key_of_another_type_is_removed(self, store: Any, kind: str) -> None:
        """By anyone who meets it, at a look and at a claim; then it is as if it had never been there."""
        claims, name = Claims(store, KEYS, ttl_seconds=100), getattr(KEYS, kind)("video")
        await store.lpush(name, b"foreign")
        assert await claims.look_up("video", ("ok",)) == Prior(None, 0)
        assert await store.exists(name) == 0
        await store.lpush(name, b"foreign")
        assert await claims.claim("video", "ok", b"ok", revision=1) == b"ok"
        assert await claims.look_up("video", ("ok",)) == Prior(b"ok", 0)

    async def test_a_status_of_another_type_is_left_to_intake(self, store: Any) -> None:
        """Nothing is known to supersede the signal, and the key stays for anyone who writes it."""
        await store.lpush(KEYS.status("video"), b"foreign")
        claims = Claims(store, KEYS, ttl_seconds=100)
        await claims.claim("video", "ok", b"ok", revision=1)
        assert await claims.look_up("video", ("ok",)) == Prior(b"ok", 0)
        assert await store.exists(KEYS.status("video")) == 1

    @pytest.mark.parametrize("denied", ["hmget", "hget", "get"])
    async def test_a_missing_right_is_no_fault_of_a_key(self, store: Any, redis_url: str, denied: str) -> None:
        """Nothing is removed, and no signal is taken for unclaimed: the worker hears of it."""
        await Claims(store, KEYS, ttl_seconds=100).claim("video", "ok", b"ok", revision=1)
        await store.acl_setuser(
            "narrow", enabled=True, passwords=["+word"], keys=["*"], commands=["+@all", f"-{denied}"]
        )
        narrow = open_store(redis_url.replace("//", "//narrow:word@"))
        try:
            with pytest.raises(NoPermissionError):
                await Claims(narrow, KEYS, ttl_seconds=100).look_up("video", ("ok",))
        finally:
            await narrow.aclose()
            await store.acl_deluser("narrow")
        assert await store.hkeys(KEYS.claims("video")) == [b"ok", b"#ok"]


class TestAppliedOffsets:
    async def test_reads_what_was_written(self, store: Any) -> None:
        """Progress is kept per partition; unknown partitions are absent."""
        applied = AppliedOffsets(store, KEYS, "group")
        await applied.write({("topic", 0): 5})
        assert await applied.read([("topic", 0), ("topic", 1)]) == {("topic", 0): 5}

    async def test_it_only_grows(self, store: Any) -> None:
        """A worker behind the one that has the partition by now, or behind a rebuild, takes nothing away."""
        applied = AppliedOffsets(store, KEYS, "group")
        await applied.write({("topic", 0): 5})
        await applied.raise_to({("topic", 0): 9, ("topic", 1): 4})
        await applied.write({("topic", 0): 6, ("topic", 1): 7})
        assert await applied.read([("topic", 0), ("topic", 1)]) == {("topic", 0): 9, ("topic", 1): 7}

    @pytest.mark.parametrize("left", [None, 3])
    async def test_what_went_back_is_not_written_over(self, store: Any, left: int | None) -> None:
        """A worker that took the partition at 5 finds less there: it ends, and the hole stays to be seen."""
        await AppliedOffsets(store, KEYS, "group").write({("topic", 0): 5})
        idle = AppliedOffsets(store, KEYS, "group", RollbackDetector())
        assert await idle.take([("topic", 0), ("topic", 1)]) == {("topic", 0): 5}
        key = KEYS.applied("group", "topic", 0)
        await (store.delete(key) if left is None else store.set(key, left))
        with pytest.raises(StoreRolledBack, match=f"now has {left}"):
            await idle.write({("topic", 0): 8, ("topic", 1): 1})
        assert await store.get(key) == (None if left is None else b"3")

    async def test_a_late_worker_does_not_write_over_one_that_reads_again(self, store: Any) -> None:
        """The store went back to 3, another worker reads again from there and is at 4; the late one wrote 9 before."""
        late = AppliedOffsets(store, KEYS, "group", RollbackDetector())
        await late.write({("topic", 0): 9})
        await store.set(KEYS.applied("group", "topic", 0), 3)
        reading = AppliedOffsets(store, KEYS, "group", RollbackDetector())
        await reading.take([("topic", 0)])
        await reading.write({("topic", 0): 4})
        with pytest.raises(StoreRolledBack):
            await late.write({("topic", 0): 10})
        assert await reading.read([("topic", 0)]) == {("topic", 0): 4}

    async def test_groups_are_apart(self, store: Any) -> None:
        """Another group's progress says nothing about ours."""
        await AppliedOffsets(store, KEYS, "group").write({("topic", 0): 5})
        assert await AppliedOffsets(store, KEYS, "other").read([("topic", 0)]) == {}


class TestDeadLetters:
    def record(self, value: bytes | None) -> Record:
        """A record with headers whose order and bytes matter."""
        headers = (("b", b"\x00\xff"), ("a", b""), ("b", b"again"))
        return Record(PLACE, b"video", value, headers, 12.5, 1)

    async def test_one_dead_letter_an_event(self, store: Any) -> None:
        """However often it is written, by whichever agent or process, a dead letter is published once."""
        publisher = MemoryPublisher()
        for _ in range(2):
            dead_letters = DeadLetters(publisher, store, KEYS, ManualClock())
            await dead_letters.write(self.record(b"{"), Failure(cause="event-not-json", message="no"), role="intake")
        dead_letter = json.loads(publisher.of(DEAD_LETTER)[0].value)
        assert len(publisher.records) == 1
        assert (dead_letter["dead_letter_id"], dead_letter["cause"]) == (dead_letter_id(PLACE), "event-not-json")

    async def test_keeps_bytes_and_headers(self, store: Any) -> None:
        """The original comes back from the dead letter byte for byte, headers in order with duplicates."""
        import msgspec

        from schemas.dead_letters import DeadLetter

        publisher = MemoryPublisher()
        dead_letters = DeadLetters(publisher, store, KEYS, ManualClock())
        await dead_letters.write(
            self.record(b"\xff\x00{"), Failure(cause="event-not-json", message="no"), role="intake"
        )
        dead_letter = msgspec.json.decode(publisher.records[0].value, type=DeadLetter)
        assert (dead_letter.value, dead_letter.key, dead_letter.headers) == (
            b"\xff\x00{",
            b"video",
            self.record(None).headers,
        )

    async def test_what_is_too_large_leaves_its_hash(self, store: Any) -> None:
        """A value that does not fit is not kept; size, hash and source say what it was."""
        publisher = MemoryPublisher()
        dead_letters = DeadLetters(publisher, store, KEYS, ManualClock())
        large = b"x" * (6 * 1024 * 1024)
        await dead_letters.write(self.record(large), Failure(cause="event-too-large", message="no"), role="intake")
        dead_letter = json.loads(publisher.records[0].value)
        assert (dead_letter["value"], dead_letter["value_bytes"], len(dead_letter["value_sha256"])) == (
            None,
            len(large),
            64,
        )
        assert dead_letter["source"] == {"topic": "video.uploaded", "partition": 1, "offset": 7}


class TestOpenStore:
    async def test_commands_outlive_a_restart(self) -> None:
        """A command that is sent while Redis is down is answered when it is back."""
        with scratch_dir() as folder, RedisServer(folder / "redis") as server:
            client = open_store(server.url)
            await client.ping()
            server.kill()
            waiting = asyncio.ensure_future(client.set("key", "value"))
            pipeline = client.pipeline()
            pipeline.set("other", "value")
            piped = asyncio.ensure_future(pipeline.execute())
            await asyncio.sleep(0.3)
            assert (waiting.done(), piped.done()) == (False, False)
            await asyncio.to_thread(server.restart)
            await asyncio.gather(waiting, piped)
            assert await client.mget("key", "other") == [b"value", b"value"]
            await client.aclose()

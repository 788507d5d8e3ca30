"""Deletion on a real Kafka and a real Redis: what is gone, what stays off, and what may come back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.local.redis_server import RedisServer
from schemas.codec import encode
from schemas.dead_letters import DeadLetter
from schemas.topics import DEAD_LETTER, ENGAGEMENT, MODERATION, RECOMMENDATION
from schemas.uploads import DeletionRequested
from streams.store.keys import Keys
from tests.pipeline import Pipeline, await_value, upload_of

SETTLED_SECONDS = 180.0
LEFT = {"guard", "state", "deletion"}
"""Keys that a forgotten video may have."""


@pytest.fixture(scope="module")
def pipeline(
    tmp_path_factory: pytest.TempPathFactory, kafka: str, redis_server: RedisServer, samples: Path
) -> Iterator[Pipeline]:
    """One worker; tombstones are written once more after two seconds."""
    with Pipeline.opened(
        tmp_path_factory.mktemp("forget"),
        bootstrap_servers=kafka,
        redis_url=redis_server.url,
        media_roots=[samples],
        tombstone_repeat_seconds="2",
    ) as made:
        made.start_worker()
        yield made


@pytest.fixture(scope="module")
def clip(samples: Path) -> Path:
    """A short clip."""
    return min(samples.glob("*.mp4"), key=lambda path: path.stat().st_size)


def forget(pipeline: Pipeline, video_id: str, revision: int | None = None) -> None:
    event = DeletionRequested(video_id=video_id, deleted=True, revision=revision)
    pipeline.publish_bytes(encode(event), key=video_id)


def keys_of(pipeline: Pipeline, video_id: str) -> set[str]:
    """The last word of every key that Redis holds of a video."""
    pattern = Keys(pipeline.settings.topic_prefix).status(video_id).replace(":status", ":*")

    async def ask(store):  # type: ignore[no-untyped-def]
        return {key.decode().split("}:")[1].split(":")[0] async for key in store.scan_iter(pattern, count=1000)}

    return pipeline.ask_store(ask)


def await_forgotten(pipeline: Pipeline, video_id: str) -> None:
    """Wait until tombstones are the last word of both topics, twice, and only the deletion marker's keys are left."""

    def done() -> bool | None:
        pipeline.require_workers()
        last = {
            topic.name: [record.value for record in pipeline.records(topic.name) if record.key == video_id.encode()]
            for topic in (MODERATION, RECOMMENDATION)
        }
        are_out = all(values.count(None) >= 2 and values[-1] is None for values in last.values())
        return True if are_out and keys_of(pipeline, video_id) <= LEFT else None

    await_value(done, SETTLED_SECONDS, lambda: f"{video_id} still has {keys_of(pipeline, video_id)}")


class TestForget:
    """From a deletion event to nothing."""

    def test_a_decided_video_is_gone_from_topics_and_redis(self, pipeline: Pipeline, clip: Path) -> None:
        """The command returns when Redis holds nothing that a reader may look at; tombstones follow, twice."""
        pipeline.publish(upload_of(clip, "decided"))
        pipeline.await_verdicts(["decided"], SETTLED_SECONDS)
        told = pipeline.command("forget", "decided", "--reason", "asked for")
        assert (told.returncode, told.stdout.strip()) == (0, "decided is forgotten")
        await_forgotten(pipeline, "decided")
        assert pipeline.command("show", "decided").returncode == 1

    def test_signals_in_flight_change_nothing(self, pipeline: Pipeline, clip: Path) -> None:
        """Uploads whose analysis runs when the deletion comes leave no verdict, no features and no claims."""
        names = [f"in-flight-{number}" for number in range(6)]
        pipeline.publish(*(upload_of(clip, name) for name in names))
        for name in names:
            forget(pipeline, name, 1)
        for name in names:
            await_forgotten(pipeline, name)
        pipeline.await_handled("intake", "media", "verdict")  # nothing is in flight any more
        assert {name: keys_of(pipeline, name) - LEFT for name in names} == {name: set() for name in names}
        assert not set(names) & pipeline.verdicts().keys()

    def test_a_deletion_before_the_upload_refuses_it(self, pipeline: Pipeline, clip: Path) -> None:
        """Whatever comes up to the forgotten revision is refused without a dead letter; another video is not."""
        dead_letters = len(pipeline.dead_letters())
        forget(pipeline, "unborn", 2)
        await_forgotten(pipeline, "unborn")
        pipeline.publish(upload_of(clip, "unborn", revision=2), upload_of(clip, "bystander"))
        pipeline.await_verdicts(["bystander"], SETTLED_SECONDS)
        pipeline.await_handled("intake", "media", "verdict")  # every role has seen the upload
        assert keys_of(pipeline, "unborn") <= LEFT
        assert "unborn" not in pipeline.verdicts()
        assert len(pipeline.dead_letters()) == dead_letters

    def test_a_higher_revision_after_the_deletion_is_a_new_life(self, pipeline: Pipeline, clip: Path) -> None:
        """The deletion marker is lifted, and the verdict is of the new revision."""
        pipeline.publish(upload_of(clip, "phoenix"))
        pipeline.await_verdicts(["phoenix"], SETTLED_SECONDS)
        forget(pipeline, "phoenix")
        await_forgotten(pipeline, "phoenix")
        pipeline.publish(upload_of(clip, "phoenix", revision=2))
        verdicts = pipeline.await_verdicts(["phoenix"], SETTLED_SECONDS)
        assert verdicts["phoenix"].version.revision == 2
        assert "guard" not in keys_of(pipeline, "phoenix")

    def test_its_dead_letters_can_no_longer_be_read(self, pipeline: Pipeline, samples: Path) -> None:
        """The dead letter's own key gets a tombstone, so compaction removes its bytes, and no command shows it."""
        pipeline.publish(upload_of(samples / "missing.mp4", "broken"))
        dead_letter = self._await_dead_letter(pipeline, b"broken")
        pipeline.await_verdicts(["broken"], SETTLED_SECONDS)
        forget(pipeline, "broken")
        await_forgotten(pipeline, "broken")
        pipeline.await_handled("verdict")
        records = [r for r in pipeline.records(DEAD_LETTER.name) if (r.key or b"").startswith(b"broken#")]
        first, *others = [record.value for record in records]
        assert (first is not None, bool(others), set(others)) == (True, True, {None})
        listed = pipeline.command("dead-letters", "list", "--json")
        assert (listed.returncode, dead_letter.dead_letter_id in listed.stdout) == (0, False)

    def test_poison_that_comes_after_the_deletion_leaves_nothing_to_read(self, pipeline: Pipeline, clip: Path) -> None:
        """Wrong events of people who still watched it get a tombstone where others get a dead letter."""
        pipeline.publish(upload_of(clip, "watched"))
        pipeline.await_verdicts(["watched"], SETTLED_SECONDS)
        forget(pipeline, "watched")
        await_forgotten(pipeline, "watched")
        pipeline.write(ENGAGEMENT.name, ("watched", b"no event"), ("bystander", b"no event"))
        pipeline.await_handled("engagement", "verdict")
        self._await_dead_letter(pipeline, b"bystander")
        values = [r.value for r in pipeline.records(DEAD_LETTER.name) if (r.key or b"").startswith(b"watched#")]
        assert (bool(values), set(values)) == (True, {None})
        assert keys_of(pipeline, "watched") <= LEFT

    def _await_dead_letter(self, pipeline: Pipeline, key: bytes) -> DeadLetter:
        """Wait for the one dead letter of a key; other tests' dead letters lie next to it."""

        def found() -> DeadLetter | None:
            dead_letters = [dead_letter for dead_letter in pipeline.dead_letters() if dead_letter.key == key]
            assert len(dead_letters) <= 1
            return dead_letters[0] if dead_letters else None

        return await_value(found, SETTLED_SECONDS, lambda: f"no dead letter of {key!r}")

    def test_a_wrong_id_is_refused(self, pipeline: Pipeline) -> None:
        """Nothing is published."""
        told = pipeline.command("forget", "no such/id")
        assert told.returncode == 2
        assert "VIDEO_ID is 'no such/id'; allowed" in told.stderr

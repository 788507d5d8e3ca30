"""What a sender is told of a refused upload, on a real Kafka and a real Redis."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from ops.cli.dead_letters_of_video import DeadLetterPlaces, find_dead_letters, read_found
from ops.local.redis_server import RedisServer
from ops.local.scratch import scratch_dir
from schemas.topics import DEAD_LETTER, UPLOADED
from streams.store.keys import Keys
from streams.store.refusal_reading import Refusal, read_refusals
from tests.pipeline import Pipeline, await_value, upload_of

pytestmark = pytest.mark.slow

SETTLED_SECONDS = 240.0


async def everything(redis: Redis) -> dict[bytes, bytes | None]:
    """Every key with its content, but for what tells of dead letters."""
    names = [name async for name in redis.scan_iter(count=1000)]
    told = (b":refusals", b":letters", b"vs:refused")
    return {name: await redis.dump(name) for name in names if not name.endswith(told) and b"dead-letter" not in name}


@pytest.fixture(scope="module")
def pipeline(
    tmp_path_factory: pytest.TempPathFactory, kafka: str, redis_server: RedisServer, samples: Path
) -> Iterator[Pipeline]:
    """One worker."""
    with Pipeline.opened(
        tmp_path_factory.mktemp("refusals"),
        bootstrap_servers=kafka,
        redis_url=redis_server.url,
        media_roots=[samples],
    ) as made:
        made.start_worker(roles="intake,media,verdict")
        yield made


def refusals_of(pipeline: Pipeline, video_id: str, number: int = 1) -> tuple[Refusal, ...]:
    """Wait until so many are told of a video."""
    keys = Keys(pipeline.settings.topic_prefix)

    def told() -> tuple[Refusal, ...] | None:
        pipeline.require_workers()
        found = pipeline.ask_store(lambda store: read_refusals(store, keys, video_id))
        return found if len(found) == number else None

    return await_value(told, SETTLED_SECONDS, lambda: f"no refusal of {video_id}")


class TestSenders:
    """What commands tell a sender."""

    def test_of_an_upload_that_is_no_case(self, pipeline: Pipeline) -> None:
        """`show` prints it with exit code 1, `watch` ends, and `dead-letters list --video` finds the dead letter."""
        pipeline.publish_bytes(b'{"video_id":"wrong","revision":2,"market":"de"}', key="wrong")
        pipeline.publish_bytes(b"poison of another", key="another")
        [refusal] = refusals_of(pipeline, "wrong")
        assert refusal.letter is not None
        [dead_letter] = [
            record for record in pipeline.records(DEAD_LETTER.name) if (record.key or b"").startswith(b"wrong#")
        ]
        assert (refusal.letter.partition, refusal.letter.offset) == (dead_letter.partition, dead_letter.offset)
        found = pipeline.ask_store(lambda store: find_dead_letters(store, pipeline.settings, "wrong"))
        assert found == DeadLetterPlaces((refusal.letter,), {})  # so that no partition is read
        assert list(read_found(pipeline.settings, found)) == [dead_letter]

        shown = pipeline.command("show", "wrong")
        assert shown.returncode == 1
        assert refusal.advice in shown.stdout and "event-invalid of revision 2" in shown.stdout
        said = pipeline.command("show", "wrong", "--json")
        assert (said.returncode, json.loads(said.stdout)["refusals"][0]["cause"]) == (1, "event-invalid")

        watched = pipeline.command("watch", "wrong", "--until-final", "--json")
        assert watched.returncode == 1, watched.stderr
        assert json.loads(watched.stdout)["refusal"]["dead_letter_id"] == refusal.dead_letter_id

        listed = pipeline.command("dead-letters", "list", "--video", "wrong")
        assert listed.returncode == 0, listed.stderr
        assert listed.stdout.startswith(f"{refusal.dead_letter_id[:12]}  event-invalid  wrong  ")
        assert listed.stdout.endswith("1 dead letter; 1 event-invalid\n")

    def test_of_an_id_that_nobody_knows(self, pipeline: Pipeline) -> None:
        """`watch` reports it, goes on, and ends with the time that it was given."""
        ended = pipeline.command("watch", "nobody", "--until-final", "--timeout", "9")
        assert ended.returncode == 1
        assert "nothing is known of video 'nobody'" in ended.stderr and "within 9 s" in ended.stderr

    def test_of_what_publish_waits_for(self, pipeline: Pipeline, samples: Path) -> None:
        """Verdicts and refusals come in the order of the paths; exit code 1, as one was refused."""
        with scratch_dir() as outside:
            (outside / "outside.mp4").write_bytes((samples / "small.mp4").read_bytes())
            paths = (str(outside / "outside.mp4"), str(samples / "small.mp4"))
            ended = pipeline.command("publish", *paths, "--wait", "--timeout", "240", "--json", timeout_seconds=300)
        assert ended.returncode == 1, ended.stdout + ended.stderr
        refused, good = (json.loads(line) for line in ended.stdout.splitlines())
        assert [ending["ending"] for ending in (refused, good)] == ["final", "final"]
        assert [found["cause"] for found in refused["refusals"]] == ["media-outside-roots"]
        assert (good["refusals"], good["verdict"]["action"]) == ([], "allow")

    def test_of_paths_that_are_no_files(self, pipeline: Pipeline, samples: Path) -> None:
        """Exit code 2, with each path named, and nothing is published."""
        before = len(pipeline.records(UPLOADED.name))
        ended = pipeline.command("publish", str(samples / "small.mp4"), "nofile.mp4", str(samples))
        assert ended.returncode == 2
        assert "nofile.mp4: No such file" in ended.stderr and "is not a regular file" in ended.stderr
        assert len(pipeline.records(UPLOADED.name)) == before

    def test_a_wrong_second_upload_and_a_deletion(self, pipeline: Pipeline, samples: Path) -> None:
        """Every key of the live case stays byte for byte; audit is content; the deletion takes the refusal, too."""
        pipeline.publish(upload_of(samples / "small.mp4", "live"))
        pipeline.await_verdicts(["live"], SETTLED_SECONDS)
        pipeline.await_handled("intake", "media", "verdict")
        before = pipeline.ask_store(everything)
        pipeline.publish_bytes(b'{"video_id":"live","revision":2}', key="live")
        pipeline.publish_bytes(None, key="live")
        refusals_of(pipeline, "live", 2)
        pipeline.await_handled("intake", "media", "verdict")
        assert other_offsets(pipeline.ask_store(everything)) == other_offsets(before)
        shown = pipeline.command("show", "live")
        assert shown.returncode == 0 and "refused: event-invalid" in shown.stdout
        audited = pipeline.command("audit")
        assert audited.returncode == 0, audited.stdout + audited.stderr

        deleted = pipeline.command("forget", "live")
        assert deleted.returncode == 0, deleted.stderr
        keys = Keys(pipeline.settings.topic_prefix)
        pipeline.await_handled("verdict")
        assert not pipeline.ask_store(lambda store: store.exists(keys.refusals("live")))
        assert pipeline.ask_store(lambda store: store.zscore(keys.refused(), "live")) is None
        listed = pipeline.command("dead-letters", "list", "--video", "live", "--json")
        assert (listed.returncode, listed.stdout) == (0, "")


def other_offsets(keys: dict[bytes, bytes | None]) -> dict[bytes, bytes | None]:
    """Without what says how far the log is read, and whose turn the audit is."""
    moving = (b":applied:", b":attempts:", b"vs:audit", b"vs:stalls")
    return {name: value for name, value in keys.items() if not any(word in name for word in moving)}

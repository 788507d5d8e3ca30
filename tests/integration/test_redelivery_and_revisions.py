"""Events that return, come late, come out of order; deadlines, redrives, and workers that stop and start."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ops.local.redis_server import RedisServer
from ops.local.scratch import scratch_dir
from schemas.codec import decode_fact, encode
from schemas.dead_letters import DeadLetter
from schemas.facts import Accepted, Signal
from schemas.identity import MODALITIES
from schemas.outcomes import Verdict
from schemas.topics import MODERATION, SIGNALS, UPLOADED
from schemas.uploads import VideoUploaded
from streams.kafka.clients import StoredRecord
from streams.kafka.readers_topics import decode_verdict
from streams.lifecycle.fatal_error import WorkerExit
from streams.recovery.result_comparison import compare, read_projection_from_redis, read_projection_from_topics
from streams.store.keys import Keys
from streams.uploads.headers import REDRIVE_HEADER
from streams.uploads.places import PLACE_HEADER
from tests import hostile_media as hostile
from tests.pipeline import Pipeline, await_value, upload_of

pytestmark = pytest.mark.slow

LIGHT_ROLES = "intake,verdict"
FINAL_SECONDS = 300


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """An allowed root with two healthy files in it."""
    with scratch_dir() as folder:
        hostile.write_video(folder / "first.mp4", num_frames=50, sound_seconds=2.0)
        hostile.write_video(folder / "second.mp4", num_frames=75)
        yield folder


def create(folder: Path, name: str, kafka: str, redis_server: RedisServer, **environment: str) -> Pipeline:
    """A pipeline of one partition, so that what was published first is met first."""
    return Pipeline.create(
        folder / name,
        bootstrap_servers=kafka,
        redis_url=redis_server.url,
        media_roots=[folder],
        partitions=1,
        decode_processes="2",
        **environment,
    )


@pytest.fixture(scope="module")
def running(folder: Path, kafka: str, redis_server: RedisServer) -> Iterator[Pipeline]:
    """A pipeline with one worker."""
    pipeline = create(folder, "running", kafka, redis_server)
    try:
        pipeline.start_worker()
        yield pipeline
    finally:
        pipeline.close()


@pytest.fixture
def idle(folder: Path, kafka: str, redis_server: RedisServer, request: pytest.FixtureRequest) -> Iterator[Pipeline]:
    """A pipeline of which the test starts the workers."""
    pipeline = create(folder, request.node.name[:40], kafka, redis_server)
    try:
        yield pipeline
    finally:
        pipeline.close()


def settle(pipeline: Pipeline, *uploads: VideoUploaded) -> Mapping[str, Verdict]:
    """Publish, and wait until all of it is answered, whatever that is, and all answers are folded."""
    pipeline.publish(*uploads)
    pipeline.await_handled("intake", "media", "verdict", timeout_seconds=FINAL_SECONDS)
    return pipeline.await_verdicts({upload.video_id for upload in uploads}, FINAL_SECONDS)


def signal_records(pipeline: Pipeline, video_id: str) -> list[StoredRecord]:
    """The signals of a video as they lie in the log."""
    return [record for record in pipeline.records(SIGNALS.name) if _is_signal_of(record, video_id)]


def _is_signal_of(record: StoredRecord, video_id: str) -> bool:
    fact = decode_fact(record.value)
    return isinstance(fact, Signal) and fact.video_id == video_id


def versions(pipeline: Pipeline, video_id: str) -> list[tuple[str, int]]:
    """Status and revision of every verdict that was published of a video, in order."""
    verdicts = [decode_verdict(record.value or b"") for record in pipeline.records(MODERATION.name)]
    return [(item.status, item.version.revision) for item in verdicts if item.video_id == video_id]


class TestSameUploadTwice:
    """Two events of one revision are one case."""

    def test_is_answered_from_claims(self, running: Pipeline) -> None:
        """The second event publishes the claimed bytes again, the verdict keeps its version, nothing is decoded."""
        upload = upload_of("first.mp4", "twice", title="The same upload, published twice")
        before = settle(running, upload)["twice"]
        after = settle(running, upload)["twice"]
        signals = signal_records(running, "twice")
        assert len(signals) == 2 * len(MODALITIES)
        assert len({record.value for record in signals}) == len(MODALITIES)
        assert after == before
        assert versions(running, "twice") == [("pending", 1), ("final", 1)]

    def test_at_once(self, running: Pipeline) -> None:
        """Both in flight together: anyone who claims first speaks for both, and one outcome stands."""
        upload = upload_of("first.mp4", "twice-at-once", title="The same upload, published twice")
        verdict = settle(running, upload, upload)["twice-at-once"]
        ids = {fact.signal_id for fact in running.signals("twice-at-once")}
        assert len(ids) == len(MODALITIES)
        assert len({record.value for record in signal_records(running, "twice-at-once")}) == len(MODALITIES)
        assert (verdict.status, verdict.version.revision) == ("final", 1)


class TestRevisions:
    """The highest revision is the video, whatever comes when."""

    def test_older_after_newer_changes_nothing(self, running: Pipeline) -> None:
        """It is seen, it is not analysed, and neither topic nor store moves, but for a warning in the status."""
        newer = upload_of("second.mp4", "late", revision=2, title="The second cut of this film")
        before = settle(running, newer)["late"]
        served = running.reading("late")
        after = settle(running, upload_of("first.mp4", "late", revision=1, title="The first cut of this film"))["late"]
        assert after == before
        reading = running.reading("late")
        assert reading is not None and served is not None
        status = dict(reading.status)
        assert "lower-revision" in status.pop("warnings")
        assert replace(reading, status=status) == served
        accepted = [fact for fact in running.facts() if isinstance(fact, Accepted) and fact.video_id == "late"]
        assert [fact.revision for fact in accepted] == [2, 1]
        assert {signal.revision for signal in running.signals("late")} == {2}

    def test_newer_supersedes(self, running: Pipeline) -> None:
        """Verdict, features and embeddings are those of the newer revision; nothing of the older one is left."""
        settle(running, upload_of("first.mp4", "recut", title="The first cut of this film"))
        newer = upload_of("second.mp4", "recut", revision=2, title="La seconde version du film")
        verdict = settle(running, newer)["recut"]
        reading = running.reading("recut")
        assert (verdict.status, verdict.version.revision) == ("final", 2)
        assert verdict.modalities.absent == ("audio",)  # the second file has no sound
        assert reading is not None and reading.verdict == verdict
        assert [name for name in reading.features if name.startswith("audio.")] == []
        assert reading.features["context.language"].value == "fr"
        assert versions(running, "recut") == [("pending", 1), ("final", 1), ("pending", 2), ("final", 2)]

    def test_newer_is_pending_at_once(self, idle: Pipeline) -> None:
        """Before any model looked at it, the newer revision stands as pending in topic and store."""
        idle.start_worker("all")
        settle(idle, upload_of("first.mp4", "recut", title="The first cut of this film"))
        idle.workers[0].close()
        idle.start_worker("light", roles=LIGHT_ROLES)
        idle.publish(upload_of("second.mp4", "recut", revision=2, title="The second cut of this film"))
        verdict = idle.await_verdicts(["recut"], FINAL_SECONDS, "pending")["recut"]
        reading = idle.reading("recut")
        assert verdict.version.revision == 2
        assert set(verdict.modalities.missing) == set(MODALITIES)
        assert reading is not None and (reading.status["status"], reading.status["revision"]) == ("pending", "2")
        assert reading.features == {} == reading.embeddings


class TestDeadlines:
    """A budget that runs out gives an answer from what is there."""

    def test_provisional_then_final(self, idle: Pipeline) -> None:
        """Without models: provisional, naming all that is missing; when they come: final, under a higher version."""
        idle.start_worker("light", roles=LIGHT_ROLES)
        idle.publish(upload_of("first.mp4", "hurried", title="Decide at once, please", deadline_seconds=0.5))
        provisional = idle.await_verdicts(["hurried"], FINAL_SECONDS, "provisional")["hurried"]
        assert provisional.action == "review"
        assert set(provisional.modalities.missing) == set(MODALITIES)
        assert {"frames", "audio", "context"} <= {reason.modality for reason in provisional.reasons}
        assert provisional.deadline_unix_seconds - provisional.uploaded_unix_seconds == pytest.approx(0.5)
        idle.start_worker("media", roles="media")
        final = idle.await_verdicts(["hurried"], FINAL_SECONDS)["hurried"]
        assert final.version > provisional.version
        assert (final.action, final.modalities.missing) == ("allow", ())
        idle.await_handled("intake", "media", "verdict")
        assert idle.dead_letters() == []


class TestRedrive:
    """A dead letter, sent again."""

    def test_mended_upload_gets_its_verdict(self, running: Pipeline, folder: Path) -> None:
        """The original bytes and headers, its place and a count; ok signals replace failed ones; amended verdict."""
        failed = settle(running, upload_of("to-come.mp4", "mended", title="A file that comes late"))["mended"]
        [dead_letter] = [dead_letter for dead_letter in running.dead_letters() if dead_letter.key == b"mended"]
        assert (dead_letter.cause, failed.action) == ("media-missing", "review")
        shutil.copyfile(folder / "first.mp4", folder / "to-come.mp4")
        ended = running.command("dead-letters", "redrive", dead_letter.dead_letter_id)
        assert ended.returncode == 0, ended.stderr
        amended = await_value(lambda: _without_failures(running, "mended"), FINAL_SECONDS, lambda: "it still fails")
        assert amended.version > failed.version
        assert (amended.status, amended.action) == ("final", "allow")
        original, again = [record for record in running.records(UPLOADED.name) if record.key == b"mended"]
        assert (again.value, again.key) == (original.value, original.key)
        assert again.headers == (*original.headers, (PLACE_HEADER, encode(dead_letter.source)), (REDRIVE_HEADER, b"1"))
        settle(running)
        assert len([item for item in running.dead_letters() if item.key == b"mended"]) == 1

    def test_redrive_in_vain_is_another_dead_letter(self, running: Pipeline) -> None:
        """Nothing was mended: the event is a new one, and so is its dead letter; the verdict's action stands."""
        settle(running, upload_of("never.mp4", "in-vain", title="A file that never comes"))
        [dead_letter] = [dead_letter for dead_letter in running.dead_letters() if dead_letter.key == b"in-vain"]
        assert running.command("dead-letters", "redrive", dead_letter.dead_letter_id[:12]).returncode == 0
        dead_letters = await_value(
            lambda: _two_dead_letters(running, b"in-vain"), FINAL_SECONDS, lambda: "no second letter"
        )
        settle(running)
        assert [item.cause for item in dead_letters] == ["media-missing"] * 2
        added = ((PLACE_HEADER, encode(dead_letter.source)), (REDRIVE_HEADER, b"1"))
        assert dead_letters[1].headers == (*dead_letter.headers, *added)
        assert running.verdicts()["in-vain"].action == "review"


def _without_failures(pipeline: Pipeline, video_id: str) -> Verdict | None:
    verdict = pipeline.verdicts()[video_id]
    return None if verdict.modalities.failed else verdict


def _two_dead_letters(pipeline: Pipeline, key: bytes) -> list[DeadLetter] | None:
    dead_letters = [dead_letter for dead_letter in pipeline.dead_letters() if dead_letter.key == key]
    return dead_letters if len(dead_letters) == 2 else None


class TestStart:
    """What a worker refuses to start with."""

    WRONG = """
name: wrong
version: 1
pending: review
reporting_floor: 0.2
rules:
  - label: sexual/explicit/nudity
    thresholds: {forbid: 0.9}
"""

    def test_wrong_policy(self, idle: Pipeline) -> None:
        """Exit code 2; the message quotes the place and what is allowed there."""
        path = idle.folder.with_suffix(".yaml")
        path.write_text(self.WRONG)
        idle.environment["VIDSIGNAL_POLICY_FILE"] = str(path)
        ended = idle.command("worker")
        assert ended.returncode == WorkerExit.MISCONFIGURED == 2
        assert "forbid" in ended.stderr and "thresholds" in ended.stderr
        assert all(action in ended.stderr for action in ("allow", "limit", "review", "block"))
        assert "Traceback" not in ended.stderr

    def test_wrong_setting(self, idle: Pipeline) -> None:
        """Exit code 2; the message names the variable, the value found and what is allowed."""
        idle.environment["VIDSIGNAL_MAX_CONCURRENT_VIDEOS"] = "many"
        ended = idle.command("worker")
        assert ended.returncode == 2
        assert "VIDSIGNAL_MAX_CONCURRENT_VIDEOS" in ended.stderr and "'many'" in ended.stderr


class TestStop:
    """SIGTERM with work in flight."""

    def test_nothing_is_lost(self, idle: Pipeline, samples: Path) -> None:
        """It ends by itself within 30 s and with exit code 0; the next worker does the rest, each video once."""
        idle.environment["VIDSIGNAL_MEDIA_ROOTS"] = str(samples)
        names = [f"stopped-{number}" for number in range(16)]
        first = idle.start_worker("first")
        idle.publish(*(upload_of("car-telephone.mkv", name, title="Overheard on the telephone") for name in names))
        await_value(lambda: _some_final(idle, names), FINAL_SECONDS, lambda: "no verdict at all")
        child = first.child
        first.close()  # SIGKILL after 30 s, which the exit code would tell
        assert child.exit_code == 0, child.log_tail()
        assert len(_some_final(idle, names) or ()) < len(names), "nothing was in flight any more"
        idle.start_worker("second")
        idle.await_verdicts(names, FINAL_SECONDS)
        idle.await_handled("intake", "media", "verdict")
        assert idle.dead_letters() == []
        keys = Keys(idle.settings.topic_prefix)
        stored = idle.ask_store(lambda store: read_projection_from_redis(store, keys))
        assert compare(read_projection_from_topics(idle.settings), stored) == []
        signals = [fact for fact in idle.facts() if isinstance(fact, Signal)]
        assert len({signal.signal_id for signal in signals}) == len(names) * len(MODALITIES)


def _some_final(pipeline: Pipeline, names: list[str]) -> list[str] | None:
    verdicts = pipeline.verdicts()
    return [name for name in names if name in verdicts and verdicts[name].status == "final"] or None

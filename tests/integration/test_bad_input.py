"""Bad input: each case costs itself at most one dead letter, says what was wrong, and holds nothing else up.

All cases are published in one go to one partition of one worker; a healthy upload follows them. The worker's decoder
and one of its models have bugs of our own making, see `tests.planted_faults`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from ops.local.redis_server import RedisServer
from ops.local.scratch import scratch_dir
from schemas.dead_letters import DeadLetter
from schemas.facts import Accepted, Signal
from schemas.identity import MODALITIES, Modality
from schemas.outcomes import Action, Verdict
from schemas.topics import UPLOADED
from schemas.uploads import MAX_UPLOAD_BYTES
from streams.kafka_clients import StoredRecord, producer_configuration
from tests import hostile_media as hostile
from tests.faulty_worker import FAULTY_WORKER
from tests.pipeline import Pipeline, await_value, upload_of
from tests.planted_faults import ABORT_MARK, DEATH_COLOUR, HANG_MARK, NAN_COLOUR, coloured, marked

pytestmark = pytest.mark.slow

LAST = "healthy-after-all"
SECRET = "outside-the-roots.mp4"
MEDIA: tuple[Modality, ...] = ("frames", "audio", "motion")
SEEN: tuple[Modality, ...] = ("frames", "motion")
_DECODE_TIMEOUT_SECONDS = 8

Build = Callable[[Path], Path]


@dataclass(frozen=True)
class Folders:
    """Where a case puts its files."""

    root: Path
    """Allowed."""
    outside: Path
    """Not allowed."""


@dataclass(frozen=True)
class BadEvent:
    """An event that intake refuses."""

    event: Callable[[str], bytes | None]
    """Makes the value from the video's id."""
    cause: str
    is_kept: bool = True
    """Whether the dead letter holds the value."""
    key: str | None = None


@dataclass(frozen=True)
class Upload:
    """A readable upload, and what has to come of it."""

    source: Callable[[Folders, str], str]
    """Makes the media and returns the path to be published."""
    failed: Mapping[Modality, str] = field(default_factory=dict)
    """Cause by modality."""
    absent: Sequence[Modality] = ()
    action: Action = "allow"
    fields: Mapping[str, Any] = field(default_factory=dict)
    is_text_given: bool = True


def file(name: str, build: Build) -> Callable[[Folders, str], str]:
    """A file of that name in a folder of its own below the root."""

    def make(folders: Folders, video_id: str) -> str:
        folder = folders.root / video_id
        folder.mkdir()
        return str(build(folder / name))

    return make


def refused(name: str, build: Build, cause: str) -> Upload:
    """A file of which nothing can be had: every modality of the media fails, and people look at it."""
    return Upload(file(name, build), failed=dict.fromkeys(MEDIA, cause), action="review")


def unusable(source: Callable[[Folders, str], str], cause: str) -> Upload:
    """A path that leads to no media."""
    return Upload(source, failed=dict.fromkeys(MEDIA, cause), action="review")


def as_json(video_id: str, **fields: object) -> bytes:
    """An upload event as any producer would write it."""
    return json.dumps({"video_id": video_id, "source": {"kind": "file", "path": "none.mp4"}, **fields}).encode()


def _outside(folders: Folders, _video_id: str) -> str:
    return str(folders.outside / SECRET)


def _dots(folders: Folders, _video_id: str) -> str:
    return f"{folders.root}/../{folders.outside.name}/{SECRET}"


def _relative_dots(folders: Folders, _video_id: str) -> str:
    return f"../{folders.outside.name}/{SECRET}"


def _symlink(folders: Folders, video_id: str) -> str:
    link = folders.root / f"{video_id}.mp4"
    link.symlink_to(folders.outside / SECRET)
    return str(link)


def _linked_folder(folders: Folders, video_id: str) -> str:
    link = folders.root / video_id
    link.symlink_to(folders.outside, target_is_directory=True)
    return str(link / SECRET)


def _folder(folders: Folders, video_id: str) -> str:
    (folders.root / video_id).mkdir()
    return str(folders.root / video_id)


def _pipe(folders: Folders, video_id: str) -> str:
    os.mkfifo(folders.root / video_id)
    return str(folders.root / video_id)


def _healthy(path: Path) -> Path:
    return hostile.write_video(path, num_frames=50, sound_seconds=2.0)


def _sound_in_mp4(path: Path) -> Path:
    return hostile.write_sound(path, seconds=2.0, codec="aac")


def _marked(mark: bytes) -> Build:
    def build(path: Path) -> Path:
        return marked(_healthy(path.with_name("healthy.mp4")), path, mark)

    return build


def _coloured(colour: tuple[int, int, int]) -> Build:
    return lambda path: coloured(path, colour)


NO_SOUND: tuple[Modality, ...] = ("audio",)

BAD_EVENTS: Mapping[str, BadEvent] = {
    "not-json": BadEvent(lambda _: b"{this is no JSON", "event-not-json"),
    "not-utf8": BadEvent(lambda _: b'{"video_id": "\xff\xfe"}', "event-not-json"),
    "deeply-nested": BadEvent(lambda _: b'{"unknown": ' + b"[" * 100_000, "event-not-json"),
    "empty-value": BadEvent(lambda _: b"", "event-not-json"),
    "no-value": BadEvent(lambda _: None, "event-invalid"),
    "wrong-types": BadEvent(lambda name: as_json(name, revision="one"), "event-invalid"),
    "not-an-object": BadEvent(lambda _: b"[1, 2, 3]", "event-invalid"),
    "no-source": BadEvent(lambda name: json.dumps({"video_id": name}).encode(), "event-invalid"),
    "unknown-kind-of-source": BadEvent(
        lambda name: as_json(name, source={"kind": "carrier-pigeon", "path": "x"}), "event-invalid"
    ),
    "revision-zero": BadEvent(lambda name: as_json(name, revision=0), "event-invalid"),
    "braces-in-the-id": BadEvent(lambda _: as_json("{x}:state"), "event-invalid"),
    "title-of-2-MB": BadEvent(lambda name: as_json(name, title="x" * 2_000_000), "event-invalid"),
    "event-of-5-MB": BadEvent(
        lambda name: as_json(name, description="x" * 5_000_000), "event-too-large", is_kept=False
    ),
    "key-of-another-video": BadEvent(as_json, "event-invalid", key="somebody-else"),
}
"""By video id, which names the case."""

UPLOADS: Mapping[str, Upload] = {
    "unknown-fields": Upload(
        file("healthy.mp4", _healthy), fields={"colour_of_the_uploader": "green", "nested": {"deep": [1, {}]}}
    ),
    "media-missing": unusable(lambda folders, _: str(folders.root / "nowhere.mp4"), "media-missing"),
    "nul-in-the-path": unusable(lambda folders, _: f"{folders.root}/a\0b.mp4", "media-missing"),
    "zero-bytes": refused("empty.mp4", hostile.empty, "media-empty"),
    "truncated": Upload(file("truncated.mp4", hostile.truncated), absent=NO_SOUND),
    "truncated-to-nothing": Upload(  # its index is whole and lists no sound
        file("nothing.mp4", hostile.truncated_to_nothing),
        failed=dict.fromkeys(SEEN, "media-unreadable"),
        absent=NO_SOUND,
        action="review",
    ),
    "truncated-without-index": refused("noindex.mp4", hostile.truncated_without_index, "media-unreadable"),
    "text-renamed": refused("text.mp4", hostile.text, "media-unreadable"),
    "no-streams": refused("nostreams.mp4", hostile.no_streams, "media-no-streams"),
    "no-video-stream": Upload(file("sound.mp4", _sound_in_mp4), absent=SEEN),
    "no-audio-stream": Upload(file("silent.mp4", hostile.without_audio), absent=NO_SOUND),
    "audio-only": Upload(file("sound.wav", hostile.audio_only), absent=SEEN),
    "one-pixel": Upload(file("pixel.mp4", hostile.one_pixel), absent=NO_SOUND),
    "8K": Upload(file("8k.mp4", hostile.picture_8k), absent=NO_SOUND),
    "16K": refused("16k.mp4", hostile.picture_16k, "media-too-many-pixels"),
    "bomb": refused("bomb.png", hostile.png_bomb, "media-too-many-pixels"),
    "still-image": Upload(file("still.png", hostile.still_image), absent=NO_SOUND),
    "one-frame": Upload(file("frame.mp4", hostile.one_frame), absent=NO_SOUND),
    "three-hours": Upload(file("long.mp4", hostile.three_hours), absent=NO_SOUND),
    "ten-million-frames": Upload(
        file(hostile.HOSTILE_FILES["ten million frames"].name, hostile.ten_million_frames), absent=NO_SOUND
    ),
    "noise-in-the-middle": Upload(file("noise.mp4", hostile.noise_in_the_middle), absent=NO_SOUND),
    "broken-sound": Upload(
        file("badsound.mp4", hostile.video_with_broken_sound), failed={"audio": "media-unreadable"}, action="review"
    ),
    "playlist": refused("list.m3u8", hostile.playlist, "media-unreadable"),
    "concat-script": refused("list.mp4", hostile.concat_script, "media-unreadable"),
    "hangs-the-decoder": refused("hang.mp4", _marked(HANG_MARK), "media-decoder-timeout"),
    "kills-the-decoder": refused("abort.mp4", _marked(ABORT_MARK), "media-decoder-died"),
    "model-answers-nan": Upload(
        file("nan.mp4", _coloured(NAN_COLOUR)), failed={"frames": "model-fault"}, absent=NO_SOUND, action="review"
    ),
    "outside-the-roots": unusable(_outside, "media-outside-roots"),
    "outside-by-dots": unusable(_dots, "media-outside-roots"),
    "outside-by-relative-dots": unusable(_relative_dots, "media-outside-roots"),
    "outside-by-symlink": unusable(_symlink, "media-outside-roots"),
    "outside-by-linked-folder": unusable(_linked_folder, "media-outside-roots"),
    "a-folder": unusable(_folder, "media-not-a-file"),
    "a-pipe": unusable(_pipe, "media-not-a-file"),
    "emoji": Upload(
        file("healthy.mp4", _healthy),
        fields={"title": "🎬👩‍👩‍👧‍👦🇩🇪" * 50, "hashtags": ["🔥", "#️⃣"], "creator_id": "👤"},
    ),
    "right-to-left": Upload(
        file("healthy.mp4", _healthy),
        fields={"title": "مرحبا بالعالم \u202eevil\u202c", "description": "שלום עולם, זה סרטון על החתול שלי בבית"},
    ),
    "nul-in-the-text": Upload(
        file("healthy.mp4", _healthy), fields={"title": "a\0b", "description": "\0" * 500, "creator_id": "x\0y"}
    ),
    "names-with-spaces": Upload(file("häß lich 🎬.mp4", _healthy)),
}
"""By video id, which names the case."""


@dataclass(frozen=True)
class Aftermath:
    """What lies in the topics after all cases."""

    pipeline: Pipeline
    worker_pid: int
    values: Mapping[str, bytes | None]
    """What was published, by case."""
    verdicts: Mapping[str, Verdict]
    letters: Sequence[DeadLetter]
    facts: Sequence[Any]
    uploads: Mapping[tuple[int, int], StoredRecord]
    """Of the topic of uploads, by partition and offset."""

    def letters_of(self, case: str) -> list[DeadLetter]:
        """Dead letters whose original is the case's event."""
        wanted = self.values[case]
        places = {place for place, record in self.uploads.items() if record.value == wanted and _is_of(record, case)}
        return [letter for letter in self.letters if (letter.source.partition, letter.source.offset) in places]

    def signals_of(self, case: str) -> dict[Modality, Signal]:
        """The case's signals; fails where a modality spoke twice."""
        found = [fact for fact in self.facts if isinstance(fact, Signal) and fact.video_id == case]
        assert len(found) == len({signal.modality for signal in found})
        return {signal.modality: signal for signal in found}


def _is_of(record: StoredRecord, case: str) -> bool:
    event = BAD_EVENTS.get(case)
    return record.key == ((event.key if event else None) or case).encode()


@pytest.fixture(scope="module")
def aftermath(kafka: str, redis_server: RedisServer) -> Iterator[Aftermath]:
    """Publish all cases in one go, then one healthy upload; wait until all of that is answered."""
    with scratch_dir() as folder:
        folders = Folders(folder / "root", folder / "outside")
        folders.root.mkdir()
        folders.outside.mkdir()
        _healthy(folders.outside / SECRET)
        pipeline = Pipeline.create(
            folder / "pipeline",
            bootstrap_servers=kafka,
            redis_url=redis_server.url,
            media_roots=[folders.root],
            partitions=1,
            decode_timeout_seconds=str(_DECODE_TIMEOUT_SECONDS),
            decode_processes="2",
        )
        pipeline.take_uploads_up_to(2 * MAX_UPLOAD_BYTES)
        try:
            yield _answered(pipeline, folders)
        finally:
            pipeline.close()


def _answered(pipeline: Pipeline, folders: Folders) -> Aftermath:
    values = {case: event.event(case) for case, event in BAD_EVENTS.items()}
    values |= {case: _upload_value(case, upload, folders) for case, upload in UPLOADS.items()}
    values[LAST] = as_json(LAST, source={"kind": "file", "path": str(_healthy(folders.root / "last.mp4"))})
    worker = pipeline.start_worker(command=FAULTY_WORKER)
    for case, value in values.items():
        event = BAD_EVENTS.get(case)
        pipeline.publish_bytes(value, key=(event.key if event else None) or case)
    verdicts = pipeline.await_verdicts([*UPLOADS, LAST], 240)
    letters = pipeline.await_dead_letters(len(BAD_EVENTS) + sum(bool(upload.failed) for upload in UPLOADS.values()), 30)
    uploads = {(record.partition, record.offset): record for record in pipeline.records(UPLOADED.name)}
    return Aftermath(pipeline, worker.child.pid, values, verdicts, letters, pipeline.facts(), uploads)


def _upload_value(case: str, upload: Upload, folders: Folders) -> bytes:
    fields = {"title": "Good morning from the meadow, my dear friends", **upload.fields}
    return as_json(case, source={"kind": "file", "path": upload.source(folders, case)}, **fields)


class TestBadEvents:
    """Events that nobody can read: intake answers, and nobody else."""

    @pytest.mark.parametrize("case", BAD_EVENTS)
    def test_costs_one_dead_letter_that_names_the_cause(self, aftermath: Aftermath, case: str) -> None:
        """Cause, a message in words, attempts, the place, size and hash of the original; its bytes where they fit."""
        [letter] = aftermath.letters_of(case)
        value = aftermath.values[case] or b""
        assert (letter.cause, letter.role, letter.attempts) == (BAD_EVENTS[case].cause, "intake", 1)
        assert letter.message
        assert (letter.value_bytes, letter.value_sha256) == (len(value), hashlib.sha256(value).hexdigest())
        assert letter.value == (aftermath.values[case] if BAD_EVENTS[case].is_kept else None)
        assert letter.source.topic == aftermath.pipeline.topic(UPLOADED.name)

    @pytest.mark.parametrize("case", BAD_EVENTS)
    def test_is_no_case(self, aftermath: Aftermath, case: str) -> None:
        """No fact and no verdict speaks of it."""
        assert case not in aftermath.verdicts
        assert [fact for fact in aftermath.facts if fact.video_id == case] == []

    def test_wrong_type_is_quoted(self, aftermath: Aftermath) -> None:
        """The message says where the event is wrong and what is allowed there."""
        [letter] = aftermath.letters_of("wrong-types")
        assert "int" in letter.message and "revision" in letter.message

    def test_too_large_for_the_contract_is_refused_at_the_door(self, kafka: str, redis_server: RedisServer) -> None:
        """A topic as the contract has it takes no event of 5 MB: the producer is told at once."""
        with scratch_dir() as folder:
            pipeline = Pipeline.create(
                folder, bootstrap_servers=kafka, redis_url=redis_server.url, media_roots=[folder]
            )
            try:
                assert _refusal(pipeline, os.urandom(5_000_000)) == KafkaError.MSG_SIZE_TOO_LARGE
            finally:
                pipeline.close()


def _refusal(pipeline: Pipeline, value: bytes) -> int | None:
    """Code of the error with which the broker refuses a value."""
    codes: list[int] = []
    producer = Producer(producer_configuration(pipeline.settings))
    try:
        producer.produce(
            pipeline.topic(UPLOADED.name),
            value=value,
            on_delivery=lambda error, _message: codes.append(error.code()) if error else None,
        )
    except KafkaException as error:
        return int(error.args[0].code())
    producer.flush(30)
    return codes[0] if codes else None


class TestBadMedia:
    """Uploads that can be read, whatever lies behind their path."""

    @pytest.mark.parametrize("case", UPLOADS)
    def test_verdict_follows_the_policy(self, aftermath: Aftermath, case: str) -> None:
        """Final, with the action that the policy has for what failed or is absent."""
        upload, verdict = UPLOADS[case], aftermath.verdicts[case]
        assert (verdict.status, verdict.action) == ("final", upload.action)
        assert {name: failure.cause for name, failure in verdict.modalities.failed.items()} == upload.failed
        assert set(verdict.modalities.absent) == set(upload.absent)
        assert verdict.modalities.missing == ()

    @pytest.mark.parametrize("case", UPLOADS)
    def test_each_modality_says_one_thing(self, aftermath: Aftermath, case: str) -> None:
        """One signal a modality: ok, or failed with the cause and a message in words."""
        signals = aftermath.signals_of(case)
        assert set(signals) == set(MODALITIES)
        failures = {name: signal.failure for name, signal in signals.items() if signal.status == "failed"}
        assert {name: failure.cause for name, failure in failures.items() if failure} == UPLOADS[case].failed
        assert all(failure and failure.message for failure in failures.values())

    @pytest.mark.parametrize("case", UPLOADS)
    def test_costs_one_dead_letter_if_anything_failed(self, aftermath: Aftermath, case: str) -> None:
        """Not one per agent, and none where all went well; it holds the original bytes."""
        causes = set(UPLOADS[case].failed.values())
        letters = aftermath.letters_of(case)
        assert {letter.cause for letter in letters} == causes
        assert len(letters) == len(causes)
        assert all((letter.role, letter.value) == ("media", aftermath.values[case]) for letter in letters)

    @pytest.mark.parametrize("case", [case for case, upload in UPLOADS.items() if upload.failed])
    def test_reasons_say_what_failed(self, aftermath: Aftermath, case: str) -> None:
        """People read in the verdict's reasons which modality gave no result."""
        reasons = {reason.modality: reason for reason in aftermath.verdicts[case].reasons if reason.modality}
        failed = set(UPLOADS[case].failed) - {"motion"}  # the policy lets motion pass
        assert failed <= set(reasons)
        assert all(UPLOADS[case].failed[name] in reasons[name].words for name in failed)

    def test_nothing_outside_the_roots_was_read(self, aftermath: Aftermath) -> None:
        """What was refused by its place was never decoded."""
        for case in (name for name, upload in UPLOADS.items() if "media-outside-roots" in upload.failed.values()):
            assert aftermath.verdicts[case].cost.num_decodes == 0

    def test_long_and_boastful_files_cost_bounded_work(self, aftermath: Aftermath) -> None:
        """Three hours, and ten million frames that are not there, cost no more frames than a plan allows."""
        for case in ("three-hours", "ten-million-frames"):
            decode = aftermath.signals_of(case)["frames"].receipt.decode
            assert decode is not None
            assert decode.frames_decoded <= 90
            assert decode.cpu_seconds < _DECODE_TIMEOUT_SECONDS

    def test_hostile_text_travels_unchanged(self, aftermath: Aftermath) -> None:
        """Title and creator arrive as they were sent, NUL bytes included."""
        accepted = {fact.video_id: fact for fact in aftermath.facts if isinstance(fact, Accepted)}
        assert accepted["nul-in-the-text"].title == "a\0b"
        assert accepted["nul-in-the-text"].creator_id == "x\0y"
        assert accepted["emoji"].title == UPLOADS["emoji"].fields["title"][:200]
        assert accepted["right-to-left"].title == UPLOADS["right-to-left"].fields["title"]


class TestTheOthers:
    """What bad input does not do."""

    def test_partition_moves_on(self, aftermath: Aftermath) -> None:
        """The healthy upload behind all of them, on the same partition, has its verdict from all modalities."""
        verdict = aftermath.verdicts[LAST]
        assert (verdict.status, verdict.action) == ("final", "allow")
        assert verdict.modalities.failed == {}

    def test_worker_lives(self, aftermath: Aftermath) -> None:
        """It is the process that was started in the beginning."""
        [worker] = aftermath.pipeline.workers
        worker.child.require_alive()
        assert worker.child.pid == aftermath.worker_pid

    def test_no_letter_is_left_over(self, aftermath: Aftermath) -> None:
        """Every dead letter belongs to a case, and no event has two."""
        of_cases = [letter.dead_letter_id for case in aftermath.values for letter in aftermath.letters_of(case)]
        assert sorted(of_cases) == sorted(letter.dead_letter_id for letter in aftermath.letters)
        assert len(set(of_cases)) == len(of_cases)


class TestCrashLoop:
    """An upload that kills its worker every time."""

    def test_is_given_up_and_the_others_get_through(self, kafka: str, redis_server: RedisServer) -> None:
        """After deaths in company it dies alone, twice; then it is one dead letter, and what was beside it is fine."""
        with scratch_dir() as folder:
            pipeline = Pipeline.create(
                folder / "pipeline",
                bootstrap_servers=kafka,
                redis_url=redis_server.url,
                media_roots=[folder],
                partitions=1,
                decode_processes="2",
            )
            try:
                _publish_deadly(pipeline, folder)
                num_deaths = _supervise(pipeline, ["deadly", "beside-1", "beside-2"])
                verdicts = pipeline.verdicts()
                [letter] = pipeline.dead_letters()
            finally:
                pipeline.close()
        assert num_deaths == 5  # three in company, two alone
        assert (letter.cause, letter.key) == ("crash-loop", b"deadly")
        assert {failure.cause for failure in verdicts["deadly"].modalities.failed.values()} == {"crash-loop"}
        assert verdicts["deadly"].action == "review"
        assert [verdicts[name].action for name in ("beside-1", "beside-2")] == ["allow", "allow"]


def _publish_deadly(pipeline: Pipeline, folder: Path) -> None:
    healthy = _healthy(folder / "healthy.mp4")
    deadly = coloured(folder / "deadly.mp4", DEATH_COLOUR)
    pipeline.publish(upload_of(healthy, "beside-1"), upload_of(deadly, "deadly"), upload_of(healthy, "beside-2"))


def _supervise(pipeline: Pipeline, names: list[str]) -> int:
    """Start the worker again whenever it died, as a supervisor would; return how often that was."""
    for num_deaths in range(12):
        if _runs_until_all_is_decided(pipeline, f"worker-{num_deaths}", names):
            return num_deaths
    raise AssertionError("twelve deaths and no end")


def _runs_until_all_is_decided(pipeline: Pipeline, name: str, names: list[str]) -> bool:
    """Whether a worker lived until every video was final."""
    worker = pipeline.start_worker(name, command=FAULTY_WORKER, wait=False)
    ended = await_value(lambda: _ended(pipeline, worker.child.exit_code, names), 120, worker.child.log_tail)
    worker.close()
    return ended == "decided"


def _ended(pipeline: Pipeline, exit_code: int | None, names: list[str]) -> str | None:
    if exit_code is not None:
        return "died"
    verdicts = pipeline.verdicts()
    is_decided = all(name in verdicts and verdicts[name].status == "final" for name in names)
    return "decided" if is_decided else None

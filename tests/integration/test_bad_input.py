"""Bad input: each case costs itself at most one dead letter, says what was wrong, and holds nothing else up.

All cases are published in one go to one partition of one worker; a healthy upload follows them. The worker's decoder
and one of its models have bugs of our own making, see `tests.planted_faults`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from ops.local.redis_server import RedisServer
from ops.local.scratch import scratch_dir
from schemas.dead_letters import DeadLetter
from schemas.facts import Accepted, Signal
from schemas.identity import MODALITIES, Modality
from schemas.outcomes import Verdict
from schemas.topics import UPLOADED
from schemas.uploads import MAX_UPLOAD_BYTES
from streams.kafka.clients import StoredRecord, producer_configuration
from streams.store.keys import Keys
from streams.store.refusal_reading import Refusal, read_refusals
from tests.faulty_worker import FAULTY_WORKER
from tests.integration.bad_input_cases import (
    BAD_EVENTS,
    LAST,
    SECRET,
    UPLOADS,
    Folders,
    Upload,
    as_json,
    healthy,
)
from tests.pipeline import Pipeline

pytestmark = pytest.mark.slow

_DECODE_TIMEOUT_SECONDS = 12
"""So long that good media has time enough on a machine under load."""
_MOST_CPU_SECONDS = 8


@dataclass(frozen=True)
class Aftermath:
    """What is in the topics after all cases."""

    pipeline: Pipeline
    worker_pid: int
    values: Mapping[str, bytes | None]
    """What was published, by case."""
    verdicts: Mapping[str, Verdict]
    dead_letters: Sequence[DeadLetter]
    facts: Sequence[Any]
    uploads: Mapping[tuple[int, int], StoredRecord]
    """Of the topic of uploads, by partition and offset."""

    def dead_letters_of(self, case: str) -> list[DeadLetter]:
        """Dead letters whose original is the case's event."""
        wanted = self.values[case]
        places = {place for place, record in self.uploads.items() if record.value == wanted and _is_of(record, case)}
        return [
            dead_letter
            for dead_letter in self.dead_letters
            if (dead_letter.source.partition, dead_letter.source.offset) in places
        ]

    def refusals_of(self, video_id: str) -> tuple[Refusal, ...]:
        """What the sender of a video is told."""
        keys = Keys(self.pipeline.settings.topic_prefix)
        return self.pipeline.ask_store(lambda store: read_refusals(store, keys, video_id))

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
        healthy(folders.outside / SECRET)
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
    values[LAST] = as_json(LAST, source={"kind": "file", "path": str(healthy(folders.root / "last.mp4"))})
    worker = pipeline.start_worker(command=FAULTY_WORKER)
    for case, value in values.items():
        event = BAD_EVENTS.get(case)
        pipeline.publish_bytes(value, key=(event.key if event else None) or case)
    verdicts = pipeline.await_verdicts([*UPLOADS, LAST], 600)
    pipeline.await_handled("intake", "media")  # what they write is in the topics now, and nothing comes after it
    dead_letters = pipeline.dead_letters()
    uploads = {(record.partition, record.offset): record for record in pipeline.records(UPLOADED.name)}
    return Aftermath(pipeline, worker.child.pid, values, verdicts, dead_letters, pipeline.facts(), uploads)


def _upload_value(case: str, upload: Upload, folders: Folders) -> bytes:
    fields = {"title": "Good morning from the meadow, my dear friends", **upload.fields}
    return as_json(case, source={"kind": "file", "path": upload.source(folders, case)}, **fields)


class TestBadEvents:
    """Events that nobody can read: intake answers, and nobody else."""

    @pytest.mark.parametrize("case", BAD_EVENTS)
    def test_costs_one_dead_letter_that_names_the_cause(self, aftermath: Aftermath, case: str) -> None:
        """Cause, a message in words, attempts, the place, size and hash of the original; its bytes where they fit."""
        [dead_letter] = aftermath.dead_letters_of(case)
        value = aftermath.values[case] or b""
        assert (dead_letter.cause, dead_letter.role, dead_letter.attempts) == (BAD_EVENTS[case].cause, "intake", 1)
        assert dead_letter.message
        assert (dead_letter.value_bytes, dead_letter.value_sha256) == (len(value), hashlib.sha256(value).hexdigest())
        assert dead_letter.value == (aftermath.values[case] if BAD_EVENTS[case].is_kept else None)
        assert dead_letter.source.topic == aftermath.pipeline.topic(UPLOADED.name)

    @pytest.mark.parametrize("case", BAD_EVENTS)
    def test_is_no_case(self, aftermath: Aftermath, case: str) -> None:
        """No fact and no verdict speaks of it."""
        assert case not in aftermath.verdicts
        assert [fact for fact in aftermath.facts if fact.video_id == case] == []

    @pytest.mark.parametrize("case", BAD_EVENTS)
    def test_the_sender_is_told_by_video_id(self, aftermath: Aftermath, case: str) -> None:
        """Under the id of the key, and of the event where that is another."""
        [dead_letter] = aftermath.dead_letters_of(case)
        for video_id in {case, BAD_EVENTS[case].key or case}:
            [refusal] = aftermath.refusals_of(video_id)
            assert (refusal.cause, refusal.upload) == (dead_letter.cause, dead_letter.source)

    def test_wrong_type_is_quoted(self, aftermath: Aftermath) -> None:
        """The message says where the event is wrong and what is allowed there."""
        [dead_letter] = aftermath.dead_letters_of("wrong-types")
        assert "$.revision is 'one'; allowed: a whole number from 1" in dead_letter.message

    def test_too_large_for_the_contract_is_refused_by_intake(self, kafka: str, redis_server: RedisServer) -> None:
        """A topic as the contract has it takes no event of 5 MB: the producer is told at once."""
        with (
            scratch_dir() as folder,
            Pipeline.opened(
                folder, bootstrap_servers=kafka, redis_url=redis_server.url, media_roots=[folder]
            ) as pipeline,
        ):
            assert _refusal(pipeline, os.urandom(5_000_000)) == KafkaError.MSG_SIZE_TOO_LARGE


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
    """Uploads that can be read, whatever is behind their path."""

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
        dead_letters = aftermath.dead_letters_of(case)
        assert {dead_letter.cause for dead_letter in dead_letters} == causes
        assert len(dead_letters) == len(causes)
        assert all(
            (dead_letter.role, dead_letter.value) == ("media", aftermath.values[case]) for dead_letter in dead_letters
        )

    @pytest.mark.parametrize("case", UPLOADS)
    def test_the_sender_is_told_by_video_id(self, aftermath: Aftermath, case: str) -> None:
        """One refusal where anything failed, of the upload's own place and with advice; none where all went well."""
        dead_letters = aftermath.dead_letters_of(case)
        told = aftermath.refusals_of(case)
        assert [(refusal.cause, refusal.role, refusal.upload) for refusal in told] == [
            (dead_letter.cause, "media", dead_letter.source) for dead_letter in dead_letters
        ]
        assert all(refusal.advice and refusal.revision == 1 for refusal in told)

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
            assert decode.cpu_seconds < _MOST_CPU_SECONDS

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

    def test_no_dead_letter_is_left_over(self, aftermath: Aftermath) -> None:
        """Every dead letter belongs to a case, and no event has two."""
        of_cases = [
            dead_letter.dead_letter_id for case in aftermath.values for dead_letter in aftermath.dead_letters_of(case)
        ]
        assert sorted(of_cases) == sorted(dead_letter.dead_letter_id for dead_letter in aftermath.dead_letters)
        assert len(set(of_cases)) == len(of_cases)

"""How far a reprocessing job is: what the backfill role's group has committed, against where the job's records lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from confluent_kafka import KafkaException, TopicPartition

from schemas.topics import BACKFILL
from streams.backfill.jobs import Job
from streams.config.settings import Settings
from streams.kafka.clients import BrokerUnavailable, partitions_of, require_broker
from streams.kafka.group_names import group_of
from streams.kafka.group_offsets import committed_offsets

JobState = Literal["sending", "running", "paused", "done"]
_SHORTEST_SECONDS: Final = 1.0
"""No rate is told of less time."""


@dataclass(frozen=True, slots=True)
class JobProgress:
    """One look at a job."""

    state: JobState
    """`sending`: its uploads are not all in the topic yet, or the command that sent them was interrupted."""
    num_records: int
    """Between its first and its last record; others that came in between are among them."""
    num_done: int
    """Of these, in the order of each partition."""
    records_per_second: float | None
    """Since the job began, pauses included; None before anything is done, and afterwards."""

    @property
    def done_ratio(self) -> float:
        """Share that is done; 1 where nothing had to be."""
        return self.num_done / self.num_records if self.num_records else 1.0

    @property
    def eta_seconds(self) -> float | None:
        """Until the end at that rate; None where the rate is not known or nothing moves."""
        if self.records_per_second is None or self.state == "paused":
            return None
        return (self.num_records - self.num_done) / self.records_per_second


def progress_of(job: Job, committed: Mapping[int, int], *, is_paused: bool, now_unix_seconds: float) -> JobProgress:
    """Compare a job with committed offsets.

    Args:
        job: as it is remembered.
        committed: of the backfill role's group, by partition; one without a commit is absent.
        is_paused: whether an operator paused the lane.
        now_unix_seconds: for the rate.
    """
    num_records = sum(end - job.first_offsets[partition] for partition, end in job.end_offsets.items())
    num_done = sum(
        min(max(committed.get(partition, 0) - job.first_offsets[partition], 0), end - job.first_offsets[partition])
        for partition, end in job.end_offsets.items()
    )
    state = _state(job, is_done=num_done == num_records, is_paused=is_paused)
    seconds = now_unix_seconds - job.created_unix_seconds
    is_rated = state != "done" and num_done > 0 and seconds >= _SHORTEST_SECONDS
    return JobProgress(state, num_records, num_done, num_done / seconds if is_rated else None)


def backfill_offsets(settings: Settings) -> dict[int, int]:
    """What the backfill role's group has committed, by partition. Raises BrokerUnavailable."""
    group, topic = group_of(settings, "backfill"), settings.topic_prefix + BACKFILL.name
    places = [TopicPartition(topic, number) for number in partitions_of(require_broker(settings), topic)]
    try:
        found = committed_offsets(settings, group, places)
    except KafkaException as error:
        raise BrokerUnavailable(f"the broker does not say what group {group} has committed: {error}") from error
    return {partition: offset for partition, offset in found.items() if offset is not None}


def _state(job: Job, *, is_done: bool, is_paused: bool) -> JobState:
    if not job.is_sent:
        return "sending"
    if is_done:
        return "done"
    return "paused" if is_paused else "running"

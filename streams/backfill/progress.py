"""Progress of a reprocessing job: committed offsets of the backfill role's group, compared with the job's offsets."""

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
"""Shortest time for which a rate is computed."""


@dataclass(frozen=True, slots=True)
class JobProgress:
    """Progress of a job at one time."""

    state: JobState
    """`sending`: not all uploads are published yet, or the command was interrupted."""
    num_records: int
    """Records between its first and its last; records of other jobs in between are included."""
    num_done: int
    """Number of these that are finished, in the order of each partition."""
    records_per_second: float | None
    """Mean since the job started, pauses included; None before anything is done, and after the end."""

    @property
    def done_ratio(self) -> float:
        """Share that is finished; 1 for an empty job."""
        return self.num_done / self.num_records if self.num_records else 1.0

    @property
    def eta_seconds(self) -> float | None:
        """Remaining time at that rate; None if the rate is unknown or 0."""
        if self.records_per_second is None or self.state == "paused":
            return None
        return (self.num_records - self.num_done) / self.records_per_second


def progress_of(job: Job, committed: Mapping[int, int], *, is_paused: bool, now_unix_seconds: float) -> JobProgress:
    """Compare a job with committed offsets.

    Args:
        job: as it is stored.
        committed: of the backfill role's group, by partition; a partition without a commit is absent.
        is_paused: whether an operator paused backfill.
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
    """Return the committed offsets of the backfill role's group, by partition. Raises BrokerUnavailable."""
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

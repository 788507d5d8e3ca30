"""The log of engagement events as librdkafka's client hands it out, without a broker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaError, KafkaException, TopicPartition

from schemas.codec import encode
from schemas.engagement import EngagementEvent

TOPIC = "video.engagement"


@dataclass(frozen=True)
class LogEvent:
    """A record of the client: an event of a video of its own."""

    at_partition: int
    at_offset: int
    at_unix_seconds: float = 1_700_000_000.0

    def error(self) -> None:
        return None

    def topic(self) -> str:
        return TOPIC

    def partition(self) -> int:
        return self.at_partition

    def offset(self) -> int:
        return self.at_offset

    @property
    def video_id(self) -> str:
        return f"v{self.at_partition}-{self.at_offset}"

    def key(self) -> bytes:
        return self.video_id.encode()

    def value(self) -> bytes:
        return encode(EngagementEvent(event_id="e", video_id=self.video_id, kind="view", event_unix_seconds=1.7e9))

    def timestamp(self) -> tuple[int, int]:
        return 1, int(self.at_unix_seconds * 1000)


def events(partition: int, first: int, number: int, at_unix_seconds: float = 1_700_000_000.0) -> list[LogEvent]:
    """So many events of a partition, one after the other."""
    return [LogEvent(partition, first + step, at_unix_seconds) for step in range(number)]


@dataclass
class LogClient:
    """Hands out what is in the partitions that are assigned and not paused; a pause outlives an assignment.

    What `during_polls` holds happens in the polls to come, one each: a rebalance, or whatever else.
    """

    log: dict[int, list[LogEvent]]
    standing: dict[int, int] = field(default_factory=dict)
    paused: set[int] = field(default_factory=set)
    sought: list[TopicPartition] = field(default_factory=list)
    during_polls: list[Callable[[], object]] = field(default_factory=list)
    committed: dict[int, int] = field(default_factory=dict)
    num_polls: int = 0
    """While something was waited for."""

    def consume(self, number: int, timeout_seconds: float) -> list[LogEvent]:
        del timeout_seconds
        found: list[LogEvent] = []
        for partition, place in self.standing.items():
            if partition not in self.paused:
                found += [event for event in self.log[partition] if event.at_offset >= place][: number - len(found)]
        self.standing |= {event.at_partition: event.at_offset + 1 for event in found}
        return found

    def poll(self, timeout_seconds: float) -> None:
        assert timeout_seconds == 0, "who waits has waited already"
        assert self.paused >= self.standing.keys(), "a record could be handed out here, and lost"
        self.num_polls += 1
        if self.during_polls:
            self.during_polls.pop(0)()

    def assign(self, places: Sequence[TopicPartition]) -> None:
        self.standing = {place.partition: _offset(place) for place in places}

    def unassign(self) -> None:
        self.assign([])

    def pause(self, places: Sequence[TopicPartition]) -> None:
        self.paused.update(place.partition for place in places)

    def resume(self, places: Sequence[TopicPartition]) -> None:
        self.paused.difference_update(place.partition for place in places)

    def seek(self, place: TopicPartition) -> None:
        self.sought.append(place)
        self.standing[place.partition] = _offset(place)

    def commit(self, offsets: Sequence[TopicPartition], asynchronous: bool) -> None:
        assert asynchronous, "nothing depends on it, so nothing waits for it"
        self.committed |= {place.partition: place.offset for place in offsets}

    def get_watermark_offsets(self, place: TopicPartition, timeout: float) -> tuple[int, int]:
        del timeout
        found = self.log.get(place.partition)
        if not found:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        return found[0].at_offset, found[-1].at_offset + 1

    def offsets_for_times(self, places: Sequence[TopicPartition], timeout: float) -> list[TopicPartition]:
        del timeout
        (asked,) = places
        found = (event.at_offset for event in self.log[asked.partition] if event.timestamp()[1] >= asked.offset)
        return [TopicPartition(asked.topic, asked.partition, next(found, OFFSET_END))]


def _offset(place: Any) -> int:
    return 0 if place.offset == OFFSET_BEGINNING else int(place.offset)

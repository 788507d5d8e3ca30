"""Deduplication: the changes of a batch, without duplicates, conflicts and deleted videos. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from schemas.engagement import EngagementEvent, EngagementKind
from streams.engagement.batch_changes import Changes, Found
from streams.engagement.counting import add_events
from streams.engagement.event_parsing import ParsedEvent
from streams.engagement.store import decode_record
from streams.engagement.summary_schedule import due_after_seconds


@dataclass(slots=True)
class Deduplicated:
    """The changes, and the events that caused none."""

    changes: Changes
    conflicts: list[ParsedEvent] = field(default_factory=list)
    """The same id was counted with other content: the first stays."""
    counted: Counter[EngagementKind] = field(default_factory=Counter)
    """New events by kind."""
    num_duplicates: int = 0
    num_forgotten: int = 0

    @property
    def num_counted(self) -> int:
        """New events of all kinds."""
        return self.counted.total()


def deduplicate(
    arrivals: Mapping[int, Sequence[ParsedEvent]],
    positions: Mapping[int, int],
    found: Found,
    *,
    now_unix_seconds: float,
    summary_seconds: float,
) -> Deduplicated:
    """Return the changes of new events.

    Args:
        arrivals: by partition, in the order of the log.
        positions: the next offset of each partition after these are counted.
        found: what the store contains.
        now_unix_seconds: by this worker's clock; due times are after it.
        summary_seconds: longest time that a change may wait for its summary.
    """
    result = Deduplicated(Changes(dict(positions)))
    contents = dict(found.contents)
    for partition, arrived in arrivals.items():
        news = _take_new(result, partition, arrived, contents, found.forgotten)
        due = result.changes.due.setdefault(partition, {}) if news else {}
        for video_id, events in news.items():
            before = decode_record(found.records[video_id])
            after = add_events(before, events)
            result.changes.records[video_id] = after
            due[video_id] = now_unix_seconds + due_after_seconds(before, after, summary_seconds)
    return result


def _take_new(
    result: Deduplicated,
    partition: int,
    arrived: Sequence[ParsedEvent],
    contents: dict[tuple[int, bytes], bytes],
    forgotten: frozenset[str],
) -> dict[str, list[EngagementEvent]]:
    """Divide events into new ones, by video, and others."""
    news: dict[str, list[EngagementEvent]] = {}
    identities = result.changes.identities
    for arrival in arrived:
        event = arrival.event
        if event.video_id in forgotten:
            result.num_forgotten += 1
            continue
        known = contents.setdefault((partition, arrival.identity), arrival.content)
        if known is not arrival.content:
            if known == arrival.content:
                result.num_duplicates += 1
            else:
                result.conflicts.append(arrival)
            continue
        identities.setdefault((partition, arrival.bucket), {})[arrival.identity] = arrival.content
        news.setdefault(event.video_id, []).append(event)
        result.counted[event.kind] += 1
    return news

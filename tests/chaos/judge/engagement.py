"""Engagement: the counts are the number of distinct events, in Redis and in the feature record."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.judge.evidence import RECOMMENDATION, Record, Store
from tests.chaos.judge.expected import Video
from tests.chaos.judge.outcomes import Said
from tests.chaos.judge.violations import Violations

_KINDS = frozenset(("impression", "view", "completion", "like", "comment", "share", "skip", "report", "not-interested"))
_LEAST_KEPT_SECONDS = 2 * 86_400
"""A known video's counts are kept for weeks, an unknown one's for a day."""


@dataclass
class Counted:
    """The judge's own count."""

    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """By video."""
    poison: dict[tuple[int, int], str] = field(default_factory=dict)
    """By place, why."""
    num_distinct: int = 0


def count(records: Sequence[Record]) -> Counted:
    """Count distinct events; an id that comes with another kind is poison, as is a kind that does not exist."""
    counted = Counted()
    kinds: dict[tuple[str, str], str] = {}
    for record in records:
        event = json.loads(record.value or b"{}")
        if event["kind"] not in _KINDS:
            counted.poison[record.place] = "no such kind"
            continue
        key = (event["video_id"], event["event_id"])
        if key not in kinds:
            kinds[key] = event["kind"]
            counted.counts[event["video_id"]][event["kind"]] += 1
        elif kinds[key] != event["kind"]:
            counted.poison[record.place] = "an id used twice"
    counted.num_distinct = len(kinds)
    return counted


def look(
    counted: Counted,
    videos: Mapping[str, Video],
    said: Mapping[str, Said],
    store: Store,
    violations: Violations,
) -> int:
    """Compare; return how many videos were compared."""
    num_compared = 0
    for video_id, wanted in counted.counts.items():
        video = videos.get(video_id)
        if video is not None and video.deleted_up_to:
            continue  # what counts between a deletion and a new life hangs on the moment
        num_compared += 1
        raw = store.get(f"vs:{{{video_id}}}:engagement")
        _compare(video_id, json.loads(raw)["counts"] if raw else {}, dict(wanted), violations)
        kept_seconds = store.ttl(f"vs:{{{video_id}}}:engagement")
        if video is not None and 0 <= kept_seconds < _LEAST_KEPT_SECONDS:
            violations.add("engagement-expires-soon", video_id, seconds=kept_seconds)
        record = said[RECOMMENDATION].best.get(video_id)
        found: dict[str, Any] = ((record or {}).get("engagement") or {}).get("counts", {})
        if record is not None and found != dict(wanted):
            violations.add("engagement-in-record-differs", video_id, found=found, wanted=dict(wanted))
    return num_compared


def _compare(video_id: str, found: dict[str, int], wanted: dict[str, int], violations: Violations) -> None:
    kinds = found.keys() | wanted.keys()
    if any(found.get(kind, 0) < wanted.get(kind, 0) for kind in kinds):
        violations.add("engagement-lost", video_id, found=found, wanted=wanted)
    if any(found.get(kind, 0) > wanted.get(kind, 0) for kind in kinds):
        violations.add("engagement-counted-twice", video_id, found=found, wanted=wanted)

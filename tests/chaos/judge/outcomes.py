"""The two compacted topics: what each says of a video at its highest version, and last."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.judge.evidence import OUTCOMES, Record
from tests.chaos.judge.violations import Violations

Outcome = dict[str, Any]
Version = tuple[int, int, int]
_OF_THE_MOMENT = ("decided_unix_seconds",)
"""Fields that a repetition need not repeat."""


def version_of(outcome: Outcome) -> Version:
    """Revision, generation and offset."""
    version = outcome["version"]
    return int(version["revision"]), int(version["generation"]), int(version["offset"])


def content_of(outcome: Outcome) -> Outcome:
    """Without what a repetition need not repeat."""
    return {name: value for name, value in outcome.items() if name not in _OF_THE_MOMENT}


@dataclass
class Said:
    """What one topic says."""

    best: dict[str, Outcome] = field(default_factory=dict)
    """By video, of the highest version."""
    last: dict[str, Outcome | None] = field(default_factory=dict)
    """By video, the last record; None for a tombstone."""
    counts: Counter[str] = field(default_factory=Counter)


def read_outcomes(records: Mapping[str, Sequence[Record]], violations: Violations) -> dict[str, Said]:
    """By topic, what it says."""
    return {topic: _read(topic, records[topic], violations) for topic in OUTCOMES}


def _read(topic: str, records: Sequence[Record], violations: Violations) -> Said:
    said = Said()
    contents: dict[tuple[str, Version], Outcome] = {}
    for record in records:
        video_id = record.key.decode()
        outcome: Outcome | None = json.loads(record.value) if record.value is not None else None
        said.last[video_id] = outcome
        said.counts["records"] += 1
        if outcome is None:
            said.counts["tombstones"] += 1
            continue
        version = version_of(outcome)
        known = contents.setdefault((video_id, version), outcome)
        said.counts["same_version_again"] += known is not outcome
        if content_of(known) != content_of(outcome):
            fields = sorted(name for name in known.keys() | outcome.keys() if known.get(name) != outcome.get(name))
            violations.add("version-with-two-contents", video_id, topic=topic, version=version, fields=fields)
        best = said.best.get(video_id)
        said.counts["older_behind_newer"] += best is not None and version < version_of(best)
        if best is None or version > version_of(best):
            said.best[video_id] = outcome
    return said

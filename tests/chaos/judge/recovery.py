"""How long after each fault verdicts returned, by the brokers' own timestamps."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.chaos.judge.evidence import MODERATION, UPLOADED, Record

_NEW_SECONDS = 5.0
"""Uploads that come so soon after a fault are waited for, too, next to those in flight."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """After one fault."""

    kind: str
    first_verdict_seconds: float | None
    """Until some video became final."""
    slowest_partition_seconds: float | None
    """Until in every partition with something to do some video became final."""


def recoveries(records: Mapping[str, Sequence[Record]], faults: Sequence[tuple[str, float]]) -> list[Recovery]:
    """By fault (kind and time), in their order."""
    finals = _first_finals(records[MODERATION])
    uploads = _uploads(records[UPLOADED])
    return [_recovery(kind, at, finals, uploads) for kind, at in faults]


def spread(found: Sequence[Recovery]) -> dict[str, dict[str, float | int | None]]:
    """By kind of fault: how many, median and worst of both times, in seconds."""
    table: dict[str, dict[str, float | int | None]] = {}
    for kind in sorted({recovery.kind for recovery in found}):
        ones = [recovery for recovery in found if recovery.kind == kind]
        first = [one.first_verdict_seconds for one in ones if one.first_verdict_seconds is not None]
        slowest = [one.slowest_partition_seconds for one in ones if one.slowest_partition_seconds is not None]
        table[kind] = {
            "faults": len(ones),
            "first_verdict_p50": _rounded(statistics.median, first),
            "first_verdict_max": _rounded(max, first),
            "slowest_partition_p50": _rounded(statistics.median, slowest),
            "slowest_partition_max": _rounded(max, slowest),
        }
    return table


_Case = tuple[str, int]


def _first_finals(verdicts: Sequence[Record]) -> dict[_Case, tuple[float, int]]:
    """By video and revision, when it first was final, and in which partition."""
    found: dict[_Case, tuple[float, int]] = {}
    for record in verdicts:
        verdict = json.loads(record.value) if record.value else {}
        if verdict.get("status") == "final":
            case = (verdict["video_id"], verdict["version"]["revision"])
            found[case] = min(
                found.get(case, (record.unix_seconds, record.partition)), (record.unix_seconds, record.partition)
            )
    return found


def _uploads(records: Sequence[Record]) -> dict[_Case, float]:
    found: dict[_Case, float] = {}
    for record in records:
        try:
            event = json.loads(record.value or b"")
        except ValueError:
            continue
        if not event.get("deleted"):
            found.setdefault((event["video_id"], event.get("revision", 1)), record.unix_seconds)
    return found


def _recovery(
    kind: str, at: float, finals: Mapping[_Case, tuple[float, int]], uploads: Mapping[_Case, float]
) -> Recovery:
    after = [when - at for when, _ in finals.values() if when > at]
    waiting = [
        finals[case]
        for case, uploaded in uploads.items()
        if uploaded <= at + _NEW_SECONDS and case in finals and finals[case][0] > at
    ]
    by_partition: dict[int, float] = {}
    for when, partition in waiting:
        by_partition[partition] = min(by_partition.get(partition, when - at), when - at)
    return Recovery(kind, min(after, default=None), max(by_partition.values(), default=None))


def _rounded(what: Any, values: Sequence[float]) -> float | None:
    return round(float(what(values)), 1) if values else None

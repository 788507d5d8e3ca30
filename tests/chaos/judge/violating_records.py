"""The records behind violations, kept after the brokers are gone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tests.chaos.judge.evidence import Evidence, Record
from tests.chaos.judge.violations import Violation


def write_records(path: Path, evidence: Evidence, violations: Iterable[Violation]) -> None:
    """Write each record of each video that a violation is about, one JSON object a line; nothing where all is well."""
    video_ids = {violation.about.encode() for violation in violations}
    lines = [
        _line(topic, record)
        for topic, records in evidence.records.items()
        for record in records
        if record.key.rpartition(b"#")[0] in video_ids or record.key in video_ids
    ]
    if lines:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _line(topic: str, record: Record) -> str:
    value = None if record.value is None else record.value.decode(errors="replace")
    place = {"topic": topic, "partition": record.partition, "offset": record.offset}
    return json.dumps({**place, "unix_seconds": record.unix_seconds, "key": record.key.decode(), "value": value})

"""Dead letters: one for each poison, none for anything healthy, none that stands for a deleted video."""

from __future__ import annotations

import base64
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.chaos.judge.evidence import BACKFILL, ENGAGEMENT, UPLOADED, Record
from tests.chaos.judge.expected import MISSING_MEDIA, Expected
from tests.chaos.judge.violations import Violations

Place = tuple[str, int, int]
_PLACE_HEADER: Final = "vidsignal-uploaded-place"


def look(
    dead_letters: Sequence[Record],
    records: Mapping[str, Sequence[Record]],
    expected: Expected,
    engagement_poison: Mapping[tuple[int, int], str],
    violations: Violations,
) -> dict[str, Any]:
    """Compare; return how many there are."""
    by_source = _by_source(dead_letters)
    sources = {(topic, *record.place): record for topic in (UPLOADED, ENGAGEMENT) for record in records[topic]}
    poison = _poison(expected, engagement_poison)
    for place, why in poison.items():
        _look_at_poison(place, why, sources[place], by_source.get(place, []), expected, violations)
    for place in by_source.keys() - poison.keys():
        source = sources.get(place)
        if source is None or not _is_of_missing_media(source):
            dead_letter = by_source[place][0]
            about = source.key.decode() if source else str(place)
            violations.add(
                "dead-letter-of-healthy", about, cause=dead_letter["cause"], message=dead_letter["message"][:200]
            )
    _look_at_deleted(dead_letters, expected, violations)
    causes = Counter(found[0]["cause"] for found in by_source.values())
    return {"events": len(by_source), "records": sum(map(len, by_source.values())), "causes": dict(causes)}


def _by_source(dead_letters: Sequence[Record]) -> dict[Place, list[dict[str, Any]]]:
    found: dict[Place, list[dict[str, Any]]] = defaultdict(list)
    for record in dead_letters:
        if record.value is not None:
            dead_letter = json.loads(record.value)
            source = _original(dead_letter)
            found[(source["topic"], source["partition"], source["offset"])].append(dead_letter)
    return found


def _original(dead_letter: dict[str, Any]) -> dict[str, Any]:
    """The place of the event; one that was passed on to the backfill topic names it in a header."""
    headers = {name: base64.b64decode(value) for name, value in dead_letter.get("headers", ())}
    source: dict[str, Any] = dead_letter["source"]
    if source["topic"] == BACKFILL and _PLACE_HEADER in headers:
        source = json.loads(headers[_PLACE_HEADER])
    return source


def _poison(expected: Expected, engagement_poison: Mapping[tuple[int, int], str]) -> dict[Place, str]:
    found: dict[Place, str] = {(UPLOADED, *place): why for place, why in expected.poison.items()}
    found |= {(ENGAGEMENT, *place): why for place, why in engagement_poison.items()}
    for video in expected.videos.values():
        if video.is_live and video.has_missing_media:
            found[(UPLOADED, *video.places[video.revision])] = "its media do not exist"
    return found


def _look_at_poison(
    place: Place,
    why: str,
    source: Record,
    dead_letters: list[dict[str, Any]],
    expected: Expected,
    violations: Violations,
) -> None:
    video = expected.videos.get(source.key.decode())
    is_of_deleted = video is not None and video.deleted_up_to > 0
    if not dead_letters and not is_of_deleted:  # of a deleted video none is needed
        violations.add("poison-without-dead-letter", str(place), why=why)
    if len({dead_letter["dead_letter_id"] for dead_letter in dead_letters}) > 1:
        violations.add("poison-with-two-dead-letters", str(place), why=why)


def _is_of_missing_media(source: Record) -> bool:
    return MISSING_MEDIA.encode() in (source.value or b"")


def _look_at_deleted(dead_letters: Sequence[Record], expected: Expected, violations: Violations) -> None:
    standing = {record.key: record.value is not None for record in dead_letters}
    for key, stands in standing.items():
        video_id = key.rpartition(b"#")[0].decode(errors="replace")
        video = expected.videos.get(video_id)
        if stands and video is not None and not video.is_live:
            violations.add("dead-letter-of-deleted", video_id, key=key.decode(errors="replace"))

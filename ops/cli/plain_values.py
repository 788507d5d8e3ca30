"""Values of features and of a status as text for people: no quotes, no braces, at most a line or two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from streams.dead_letters.plain_text import plain_text

_MAX_DEAD_LETTERS: Final = 100
_MOST_BYTES: Final = 400
_NAMES: Final = ("name", "kind", "start_seconds", "pts_seconds")
"""Fields that identify an object; the first that it has is used."""
_FIRST: Final = (
    "status",
    "action",
    "revision",
    "uploaded_unix_seconds",
    "deadline_unix_seconds",
    "decided_unix_seconds",
)
"""Fields of a status that are told before the others."""
_TOLD_ELSEWHERE: Final = (
    "log_generation",
    "offset",
    "present",
    "absent",
    "missing",
    "failed",
    "warnings",
    "gap",
    "gap_since_unix_seconds",
)


def plain_value(value: Any) -> str:
    """Return a number with four digits, yes or no, or a list by its first members and its length; always one line."""
    return plain_text(_value(value), _MOST_BYTES)


def _value(value: Any) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4g}"
        case Mapping():
            return _object(value)
        case str():
            return _cut(value) or "(empty)"
        case Sequence():
            return _list(value)
        case _:
            return str(value)


def moment(unix_seconds: float) -> str:
    """Return a time in UTC; a number beyond the calendar is returned as a number."""
    try:
        return f"{datetime.fromtimestamp(unix_seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (OverflowError, ValueError, OSError):
        return f"{unix_seconds:g} s"


def unix_moment(value: str) -> str:
    """Return the same for a field of Redis, unchanged if it is no number."""
    try:
        return moment(float(value))
    except ValueError:
        return value


def status_words(status: Mapping[str, str]) -> list[str]:
    """Return the fields of the status hash as text, times in UTC; without those that the verdict's lines contain."""
    shown = (name for name in _ordered(status) if status[name] and name not in _TOLD_ELSEWHERE)
    words = [_status_word(name, status[name]) for name in shown if name != "expected"]
    if status.get("status") == "pending" and status.get("expected"):
        words.append(f"waits for {', '.join(status['expected'].split(','))}")
    return [plain_text(word, _MOST_BYTES) for word in words]


def _ordered(status: Mapping[str, str]) -> list[str]:
    """Return the names in a fixed order: Redis returns a hash in the order of its writes, or in none."""
    first = [name for name in _FIRST if name in status]
    return [*first, *sorted(status.keys() - _FIRST)]


def _status_word(name: str, value: str) -> str:
    if name in ("status", "action"):
        return value
    if name.endswith("_unix_seconds"):
        return f"{_words(name.removesuffix('_unix_seconds'))} {unix_moment(value)}"
    return f"{_words(name)} {value}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _object(value: Mapping[str, Any]) -> str:
    name = next((each for each in _NAMES if each in value), "")
    first = [_part(name, value[name])] if name else []
    rest = [f"{_words(key)} {_value(found)}" for key, found in value.items() if key not in (name, "score")]
    score = [_value(value["score"])] if "score" in value else []
    return " ".join([*first, *score]) + (f" ({', '.join(rest)})" if rest and first else ", ".join(rest))


def _part(name: str, value: Any) -> str:
    return f"{value:.1f} s" if name.endswith("_seconds") and isinstance(value, (int, float)) else str(value)


def _list(values: Sequence[Any]) -> str:
    if not values:
        return "none"
    shown: list[str] = []
    for value in values:
        text = _value(value)
        if shown and sum(map(len, shown)) + len(text) > _MAX_DEAD_LETTERS:
            return f"{'; '.join(shown)}; ... {len(values)} in all"
        shown.append(text)
    return "; ".join(shown)


def _cut(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= _MAX_DEAD_LETTERS else one_line[: _MAX_DEAD_LETTERS - 3] + "..."

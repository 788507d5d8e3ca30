"""Explains to a sender why an event was refused: place, value found, allowed values, and the likely intention.

Called only after the schema has refused an event.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import inspect

from schemas.encodings import HOW_TO_DELETE, wrong_encoding, wrong_shape
from schemas.expectations import expected, fields_of, meant, narrowed, unquoted
from schemas.near_names import did_you_mean, listed, near_field, one_line, said_by, shown, told

_PLACE: Final = re.compile(r" - at `(?:key in )?\$(.*)`\Z")
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_LACKS: Final = re.compile(r"Object missing required field `(.+?)`")
_MOST_CHARACTERS: Final = 1_000


def unreadable(value: bytes, error: str) -> str:
    """Return the message about bytes that are no JSON."""
    return (wrong_encoding(value) or f"the value is no JSON: {error}; {_hint(value, error)}")[:_MOST_CHARACTERS]


def invalid(value: bytes, kind: Any, what: str, error: str) -> str:
    """Return the message about JSON that the schema refuses.

    Args:
        value: the bytes.
        kind: struct, or union of structs, that was expected.
        what: its name in words, such as `an upload`.
        error: the schema's own message, used if there is no better one.
    """
    try:
        found = msgspec.json.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return (wrong_encoding(value) or f"{said_by(error)}; {what} is a JSON object")[:_MOST_CHARACTERS]
    return (wrong_shape(found) or invalid_object(found, kind, what, error))[:_MOST_CHARACTERS]


def wrong_key(key: bytes | None, video_id: str) -> str | None:
    """Return the message about a record's key that is not the id of its video; None if it is."""
    if key == video_id.encode():
        return None
    if not key:
        return f"the record has no key; its key has to be the video id, {video_id!r}"
    text = key.decode("utf-8", "backslashreplace")
    spelling = "; it was written as JSON: use a serializer for plain texts" if text == f'"{video_id}"' else ""
    return told("the key", text, f"the event's video_id, {video_id!r}") + spelling


def _hint(value: bytes, error: str) -> str:
    if "trailing" in error:
        return "send one event a record"
    if "truncated" in error:
        return f"it ends too early, after {len(value)} bytes"
    if b"NaN" in value or b"Infinity" in value:
        return "JSON knows neither NaN nor Infinity: leave such a field out"
    if not _is_utf8(value):
        return "its text is not UTF-8"
    return f"it begins with {value[:16]!r}"


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def invalid_object(found: Mapping[str, Any], kind: Any, what: str, error: str) -> str:
    """Return the message about a decoded object that the schema refuses; arguments as for `invalid`."""
    place = _PLACE.search(error)
    steps = [name or index for name, index in _STEP.findall(place.group(1) if place else "")]
    at, inner, known = _walk(found, _type_of(kind), steps)
    lacks = _LACKS.match(error)
    if lacks:
        return _lacking(at, inner, known, lacks.group(1), what) + (_respelt(found, _type_of(kind)) if steps else "")
    number = unquoted(known, inner)
    spelling = f"; write {number}, without quotes" if number else ""
    return told(at, inner, expected(known), meant(known, inner)) + spelling + _respelt(found, _type_of(kind))


@cache
def _type_of(kind: Any) -> inspect.Type:
    return inspect.type_info(kind)


def _walk(found: Any, kind: inspect.Type, steps: Sequence[str]) -> tuple[str, Any, inspect.Type]:
    """Return place, value and type at the end of a path, or at the last step that can be followed."""
    place = "$"
    for step in steps:
        inner = narrowed(kind, found)
        if isinstance(found, Mapping) and step in found and (fields := fields_of(inner)) and step in fields:
            found, kind, place = found[step], fields[step], f"{place}.{step}"
        elif isinstance(found, list) and step.isdigit() and int(step) < len(found) and hasattr(inner, "item_type"):
            found, kind, place = found[int(step)], inner.item_type, f"{place}[{step}]"
        else:
            break
    return place, found, kind


def _lacking(place: str, found: Any, kind: inspect.Type, name: str, what: str) -> str:
    where = what if place == "$" else place
    sent = list(found) if isinstance(found, Mapping) else []
    if name == "source" and place == "$" and (deletion := next((key for key in sent if _is_deletion(key)), None)):
        return told(f"$.{one_line(deletion)}", found[deletion], "true, under the name 'deleted'") + f"; {HOW_TO_DELETE}"
    fields = fields_of(narrowed(kind, found))
    unknown = [key for key in sent if key not in fields]
    near = next((key for key in unknown if near_field(key, (name,))), None)
    message = (
        f"{where} lacks the field {name!r}, which is {expected(fields[name])}"
        if name in fields
        else (f"{where} lacks the field {name!r}")
    )
    if respelt := _respelt(found, kind):
        message += respelt
    elif near is not None:
        message += f"; it has {shown(near)}{did_you_mean(name)}"
    elif sent:
        message += f"; it has {listed([one_line(key) for key in sent])}"
    return message


def _is_deletion(key: str) -> bool:
    return near_field(key, ("deleted",)) is not None


def _respelt(found: Any, kind: inspect.Type) -> str:
    """Return all names with another spelling, such as camelCase, at once."""
    if not isinstance(found, Mapping):
        return ""
    fields = fields_of(narrowed(kind, found))
    pairs = [(key, near_field(key, list(fields))) for key in list(found)[:50] if key not in fields]
    respelt = [f"{one_line(key)} as {name}" for key, name in pairs if name and _letters(key) == _letters(name)]
    return f"; field names are in lower snake_case: write {listed(respelt)}" if respelt else ""


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())

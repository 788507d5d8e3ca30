"""From the text of a card's file to its tables; errors name field, value found and what is allowed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import inspect

from models.card_errors import CardInvalid
from models.card_fields import CardTable
from schemas.diagnosis import invalid
from schemas.expectations import fields_of, narrowed
from schemas.near_names import did_you_mean, listed, near_field, near_word, one_line

MAX_CARD_BYTES: Final = 1024**2

_UNKNOWN: Final = re.compile(r"unknown field `(.*?)`(?: - at `\$\.?(.*)`)?\Z", re.DOTALL)
_STEP: Final = re.compile(r"[^.\[\]]+")


def read_card_table(content: bytes, path: Path) -> tuple[CardTable, Mapping[str, Any]]:
    """Return a card's tables, and what the file holds.

    Args:
        content: the bytes of the file.
        path: of the file, for messages.

    Raises:
        CardInvalid: it is too large, no TOML, or no card.
    """
    if len(content) > MAX_CARD_BYTES:
        raise CardInvalid(f"card {str(path)!r} has {len(content)} bytes; allowed: at most {MAX_CARD_BYTES}")
    try:
        found = tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise CardInvalid(f"card {str(path)!r} is no TOML in UTF-8: {error}") from error
    as_json = msgspec.json.encode(found, order="sorted")
    try:
        table = msgspec.json.decode(as_json, type=CardTable)
    except msgspec.ValidationError as error:
        raise CardInvalid(f"card {str(path)!r}: {_said(found, as_json, str(error))}") from error
    return table, found


def _said(found: Mapping[str, Any], as_json: bytes, error: str) -> str:
    unknown = _UNKNOWN.search(error)
    message = (
        _unknown(found, unknown.group(1), unknown.group(2) or "")
        if unknown
        else invalid(as_json, CardTable, "the card", error)
    )
    return message.replace("$.", "").replace("$", "the card")


def _unknown(found: Any, name: str, place: str) -> str:
    known = list(_fields_at(found, _STEP.findall(place)))
    meant = near_field(name, known) or near_word(name, known)
    where = f"{place}.{one_line(name)}" if place else one_line(name)
    return f"{where} is no key of a card; allowed there: {listed(known, most=30)}{did_you_mean(meant)}"


def _fields_at(found: Any, steps: list[str]) -> Mapping[str, inspect.Type]:
    kind: inspect.Type = inspect.type_info(CardTable)
    for step in steps:
        kind = narrowed(kind, found)
        if isinstance(kind, inspect.CollectionType):
            found, kind = found[int(step)] if step.isdigit() else None, kind.item_type
        else:
            found, kind = found[step], fields_of(kind)[step]
    return fields_of(narrowed(kind, found))

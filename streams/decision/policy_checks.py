"""Checks of a policy file's values; every error quotes the place, the value found and what is allowed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NoReturn

from schemas.near_names import listed, near_word, told


class InvalidPolicy(Exception):
    """A policy file is wrong; the message says where, what was found and what is allowed."""


class UnreadablePolicy(InvalidPolicy):
    """The file is missing, or cannot be read."""


def refuse(place: str, found: object, allowed: str, meant: str | None = None) -> NoReturn:
    """Raise InvalidPolicy about one value."""
    raise InvalidPolicy(told(place, found, allowed, meant))


def object_at(place: str, found: object, keys: Collection[str], required: Collection[str] = ()) -> Mapping[str, object]:
    """Return a mapping that has only `keys`, and all `required` ones."""
    if not isinstance(found, Mapping):
        refuse(place, found, f"a mapping with the keys {listed(keys)}")
    for key in found:
        choice_at(f"a key of {place}", key, keys)
    for key in required:
        if key not in found:
            raise InvalidPolicy(f"{place} lacks the key {key!r}")
    return found


def mapping_at(place: str, found: object) -> Mapping[object, object]:
    """Return a mapping with any keys; None, as YAML parses an empty value, is refused."""
    if not isinstance(found, Mapping):
        refuse(place, found, "a mapping")
    return found


def list_at(place: str, found: object) -> Sequence[object]:
    """Return a list."""
    if not isinstance(found, list):
        refuse(place, found, "a list")
    return found


def choice_at(place: str, found: object, choices: Collection[str]) -> str:
    """Return one of some words; for a near miss, the error suggests the likely word."""
    if isinstance(found, str) and found in choices:
        return found
    refuse(place, found, listed(choices), near_word(found, choices))


def text_at(place: str, found: object) -> str:
    """Return a text that is not blank."""
    if not isinstance(found, str) or not found.strip():
        refuse(place, found, "a text that is not empty")
    return found


def ratio_at(place: str, found: object) -> float:
    """Return a number from 0 to 1."""
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0.0 <= found <= 1.0:
        refuse(place, found, "a number from 0 to 1")
    return float(found)


def count_at(place: str, found: object) -> int:
    """Return a whole number from 1."""
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        refuse(place, found, "a whole number from 1")
    return found

"""Checks of a policy file's values; every refusal quotes the place, the value found and what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from typing import NoReturn


class InvalidPolicy(Exception):
    """A policy file is wrong; the message says where, what was found and what is allowed."""


def refuse(place: str, found: object, allowed: str) -> NoReturn:
    """Raise InvalidPolicy about one value."""
    raise InvalidPolicy(f"{place} is {found!r}; allowed: {allowed}")


def object_at(place: str, found: object, keys: Collection[str], required: Collection[str] = ()) -> Mapping[str, object]:
    """A mapping with no other keys than `keys`, and with all `required` ones."""
    if not isinstance(found, Mapping):
        refuse(place, found, f"a mapping with the keys {_listed(keys)}")
    for key in found:
        choice_at(f"a key of {place}", key, keys)
    for key in required:
        if key not in found:
            raise InvalidPolicy(f"{place} lacks the key {key!r}")
    return found


def mapping_at(place: str, found: object) -> Mapping[object, object]:
    """A mapping with any keys; None, as YAML reads an empty value, is refused."""
    if not isinstance(found, Mapping):
        refuse(place, found, "a mapping")
    return found


def list_at(place: str, found: object) -> Sequence[object]:
    """A list."""
    if not isinstance(found, list):
        refuse(place, found, "a list")
    return found


def choice_at(place: str, found: object, choices: Collection[str]) -> str:
    """One of some words; a near miss is answered with the word that was likely meant."""
    if isinstance(found, str) and found in choices:
        return found
    near = difflib.get_close_matches(str(found), list(choices), n=1)
    refuse(place, found, f"{_listed(choices)}{f'; did you mean {near[0]!r}?' if near else ''}")


def text_at(place: str, found: object) -> str:
    """A text that is not blank."""
    if not isinstance(found, str) or not found.strip():
        refuse(place, found, "a text that is not empty")
    return found


def ratio_at(place: str, found: object) -> float:
    """A number from 0 to 1."""
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0.0 <= found <= 1.0:
        refuse(place, found, "a number from 0 to 1")
    return float(found)


def count_at(place: str, found: object) -> int:
    """A whole number from 1."""
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        refuse(place, found, "a whole number from 1")
    return found


def _listed(choices: Collection[str], most: int = 12) -> str:
    ordered = list(choices) if isinstance(choices, Sequence) else sorted(choices)
    return ", ".join(ordered[:most]) + (f", ... ({len(ordered)} in all)" if len(ordered) > most else "")

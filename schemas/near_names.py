"""How a refused value is told: what was found, what is allowed, and what was likely meant. One way for all checks."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

_MOST_CHOICES: Final = 12
_MOST_SHOWN_CHARACTERS: Final = 80
_MOST_NAME_CHARACTERS: Final = 40
_MOST_SEARCHED_CHARACTERS: Final = 2_000
"""For what an address keeps secret; the time for it grows with the square."""
_LEAST_PART_CHARACTERS: Final = 4
"""A shorter part of a name, such as `id`, is more likely a name of its own."""
_WORDS: Final = {True: "true", False: "false", None: "null"}
_SPELLING: Final = re.compile(r"[^a-z0-9]")
_LOGIN: Final = re.compile(r"(?<=://)[^/@]*@|(?:\A|(?<=['\"\s]))[^\s/@:'\"]+:[^\s/@]*@")
_QUERY: Final = re.compile(r"(?<=[?#]).*", re.DOTALL)
_ASSIGNMENT: Final = re.compile(r"[?#]\S*=")
"""In an address without its scheme, too."""


def told(place: str, found: object, allowed: str, meant: str | None = None) -> str:
    """One refused value: where, what was found, what is allowed, and what was likely meant."""
    return f"{place} is {shown(found)}; allowed: {allowed}{did_you_mean(meant)}"


def did_you_mean(meant: str | None) -> str:
    """The end of a message, empty where nothing is near."""
    return f"; did you mean {meant!r}?" if meant else ""


def shown(found: object) -> str:
    """A value from outside, short, on one line, and without what an address keeps secret."""
    if isinstance(found, Mapping) and found:
        return f"a mapping with the keys {listed([one_line(str(key)) for key in found])}"
    num_characters = len(found) if isinstance(found, str) else 0
    if isinstance(found, str):
        found = _without_secrets(found)
    if isinstance(found, str) and len(found) > _MOST_SHOWN_CHARACTERS:
        return f"{found[:_MOST_SHOWN_CHARACTERS]!r}... ({num_characters} characters)"
    text = _WORDS[found] if found is None or isinstance(found, bool) else _without_secrets(repr(found))
    return text if len(text) <= _MOST_SHOWN_CHARACTERS + 2 else f"{text[:_MOST_SHOWN_CHARACTERS]}..."


def one_line(name: str) -> str:
    """A name from outside, short, with what would end the line or steer a terminal escaped."""
    return repr(_without_secrets(name)[:_MOST_NAME_CHARACTERS])[1:-1]


def said_by(error: str) -> str:
    """What a library says of a value from outside, which it may quote: on one line, without what an address hides."""
    return repr(_without_secrets(error))[1:-1]


def _without_secrets(text: str) -> str:
    """The beginning, from which more than is shown is left."""
    text = text[:_MOST_SEARCHED_CHARACTERS]
    if "://" not in text and not _ASSIGNMENT.search(text):
        return text
    return _QUERY.sub("...", _LOGIN.sub("...@", text))


def listed(choices: Collection[str], most: int = _MOST_CHOICES) -> str:
    """Words in their own order, or sorted where they have none; of many the first."""
    ordered = list(choices) if isinstance(choices, Sequence) else sorted(choices)
    return ", ".join(ordered[:most]) + (f", ... ({len(ordered)} in all)" if len(ordered) > most else "")


def near_word(found: object, choices: Collection[str]) -> str | None:
    """Of the words that are allowed as a value, the one that was likely meant; None where none is near."""
    said = str(found)
    alike = [choice for choice in choices if _spelt(choice) == _spelt(said)]
    near = alike or difflib.get_close_matches(said[:_MOST_SHOWN_CHARACTERS], sorted(choices), n=1)
    return near[0] if near else None


def near_field(found: str, fields: Collection[str]) -> str | None:
    """Of the fields of an object, the one that was likely meant by another name; None where none is near.

    Stricter than for a value: a field that we do not know is allowed, and may be meant for somebody else.
    """
    said = _spelt(found[:_MOST_SHOWN_CHARACTERS])
    by_spelling = {_spelt(field): field for field in fields}
    if said in by_spelling:
        return by_spelling[said]
    parts = [field for spelt, field in by_spelling.items() if _is_part(said, spelt)]
    near = parts or [by_spelling[match] for match in difflib.get_close_matches(said, by_spelling, n=1, cutoff=0.8)]
    return near[0] if near else None


def _is_part(said: str, spelt: str) -> bool:
    if len(said) < _LEAST_PART_CHARACTERS:
        return False
    return spelt.startswith(said) or (spelt.endswith(said) and len(said) * 2 >= len(spelt) - 1)


def _spelt(name: str) -> str:
    """As camelCase, kebab-case, capitals and snake_case all spell it."""
    return _SPELLING.sub("", name.lower())

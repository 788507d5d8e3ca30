"""Messages about a refused value: what was found, what is allowed, and what was likely meant. Used by all checks."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

_MOST_CHOICES: Final = 12
_MOST_SHOWN_CHARACTERS: Final = 80
_MOST_NAME_CHARACTERS: Final = 40
_MOST_SEARCHED_CHARACTERS: Final = 2_000
"""Searched part of a text for secrets in an address; the time grows with the square."""
_LEAST_PART_CHARACTERS: Final = 4
"""A shorter part of a name, such as `id`, is more likely a separate name."""
_WORDS: Final = {True: "true", False: "false", None: "null"}
_SPELLING: Final = re.compile(r"[^a-z0-9]")
_LOGIN: Final = re.compile(r"(?<=://)[^/@]*@|(?:\A|(?<=['\"\s]))[^\s/@:'\"]+:[^\s/@]*@")
_QUERY: Final = re.compile(r"(?<=[?#]).*", re.DOTALL)
_ASSIGNMENT: Final = re.compile(r"[?#]\S*=")
"""Also in an address without its scheme."""


def told(place: str, found: object, allowed: str, meant: str | None = None) -> str:
    """Return the message about one refused value: place, value found, allowed values, and the likely intention."""
    return f"{place} is {shown(found)}; allowed: {allowed}{did_you_mean(meant)}"


def did_you_mean(meant: str | None) -> str:
    """Return the end of a message; empty if nothing similar exists."""
    return f"; did you mean {meant!r}?" if meant else ""


def shown(found: object) -> str:
    """Return an untrusted value, shortened, on one line, and without an address's secrets."""
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
    """Return an untrusted name, shortened, with line ends and terminal control characters escaped."""
    return repr(_without_secrets(name)[:_MOST_NAME_CHARACTERS])[1:-1]


def said_by(error: str) -> str:
    """Return a library's message about an untrusted value, which it may quote: on one line, without an address's
    secrets."""
    return repr(_without_secrets(error))[1:-1]


def _without_secrets(text: str) -> str:
    """Return the beginning of the text, of which only a part is shown, without secrets."""
    text = text[:_MOST_SEARCHED_CHARACTERS]
    if "://" not in text and not _ASSIGNMENT.search(text):
        return text
    return _QUERY.sub("...", _LOGIN.sub("...@", text))


def listed(choices: Collection[str], most: int = _MOST_CHOICES) -> str:
    """Return words in their own order, or sorted if they have none; of many only the first."""
    ordered = list(choices) if isinstance(choices, Sequence) else sorted(choices)
    return ", ".join(ordered[:most]) + (f", ... ({len(ordered)} in all)" if len(ordered) > most else "")


def near_word(found: object, choices: Collection[str]) -> str | None:
    """Return the allowed value that was likely meant; None if none is similar."""
    said = str(found)
    spelt = _spelt(said)
    alike = [choice for choice in choices if _spelt(choice) == spelt]
    near = alike or difflib.get_close_matches(said[:_MOST_SHOWN_CHARACTERS], sorted(choices), n=1)
    return near[0] if near else None


def near_field(found: str, fields: Collection[str]) -> str | None:
    """Return the field that was likely meant by another name; None if none is similar.

    Stricter than for a value: an unknown field is allowed, and may be meant for another consumer.
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
    """Return a form that is equal in camelCase, kebab-case, capitals and snake_case."""
    return _SPELLING.sub("", name.lower())

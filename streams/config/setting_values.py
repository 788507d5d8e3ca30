"""Converts the text of a variable, a file or an argument to the type of a setting."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import msgspec

Network = IPv4Network | IPv6Network

_NETWORKS: Final = tuple[Network, ...]
_FOLDERS: Final = tuple[Path, ...]
_TRUTHS: Final = {
    **dict.fromkeys(("1", "true", "t", "yes", "y", "on"), True),
    **dict.fromkeys(("0", "false", "f", "no", "n", "off"), False),
}
"""Spellings of a truth value, in lower case."""
_GOT: Final = re.compile(r", got `\w+`")
"""Part of msgspec's message that names the found type; in an environment every value is text."""


class WrongValue(ValueError):
    """The value does not have the type; the message says what is allowed."""


def converted(value: object, kind: Any) -> Any:
    """Return a value as the type of a setting.

    Lists may be comma-separated text; numbers and truth values may be text; `~` in paths is the user's home folder.

    Raises:
        WrongValue: the value does not have the type.
    """
    if get_origin(kind) is tuple:
        value = _listed(value)
    try:
        found = _typed(value, kind)
    except ValueError as error:  # msgspec's own error is a ValueError, too
        raise WrongValue(_expectation(kind, error)) from error
    if isinstance(found, float) and not math.isfinite(found):
        raise WrongValue("expected a finite number")
    return found


def _typed(value: object, kind: Any) -> Any:
    if kind == _NETWORKS:
        return _networks(value)
    if isinstance(value, str):
        value = _scalar(value, _bare(kind))
    found: Any = msgspec.convert(value, kind, strict=False, dec_hook=_made)
    return tuple(Path(os.path.realpath(folder)) for folder in found) if kind == _FOLDERS else found


def _bare(kind: Any) -> Any:
    """Return the type without its range and without None."""
    parts = [part for part in get_args(kind) if part is not type(None)]
    return _bare(parts[0]) if get_origin(kind) in (Annotated, Union, UnionType) else kind


def _scalar(text: str, kind: Any) -> object:
    """Convert a number or truth value in a common spelling, such as `.5`, `1_000`, or with a line break at the end."""
    if kind is bool:
        return _TRUTHS.get(text.lower(), text)
    if kind not in (int, float):
        return text
    try:
        return kind(text)
    except ValueError:
        return text.strip()


def _listed(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _networks(value: object) -> tuple[Network, ...]:
    if not isinstance(value, Iterable):
        raise ValueError("expected a list of networks such as 10.1.0.0/16")
    return tuple(ip_network(item) for item in value)


def _made(kind: type, value: Any) -> Any:
    """Create a path or a secret, types that msgspec does not know."""
    if kind is not Path:
        return value if isinstance(value, kind) else kind(value)
    try:
        return Path(value).expanduser()
    except RuntimeError as error:  # no user of that name
        raise ValueError(f"{value!r}: {error}") from error


def _expectation(kind: Any, error: ValueError) -> str:
    choices = next((get_args(each) for each in (kind, *get_args(kind)) if get_origin(each) is Literal), ())
    if choices and "enum" in str(error):
        return f"allowed are {', '.join(map(str, choices))}"
    words = _GOT.sub("", str(error)).replace(" | null", "").replace("`", "")
    return words[:1].lower() + words[1:] if words.startswith("Expected") else words

"""A file that an operator of the service may edit: the one that a setting names, or the packaged default."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TypeVar

from streams.decision.policy_checks import InvalidPolicy

Parsed = TypeVar("Parsed")


def load_edited(
    path: Path | None,
    packaged: Traversable,
    parse: Callable[[bytes], Parsed],
    what: str,
    unreadable: type[InvalidPolicy],
) -> Parsed:
    """Read and parse a file, or the packaged one if the path is None.

    Args:
        path: that a setting names.
        packaged: the default.
        parse: raises InvalidPolicy, or an error derived from it.
        what: kind of file, for messages.
        unreadable: raised where the file cannot be read.

    Raises:
        InvalidPolicy: of the type that `parse` raised, or `unreadable`; the message names the file.
    """
    if path is None:
        return parse(packaged.read_bytes())
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise unreadable(f"{what} {str(path)!r} cannot be read: {error.strerror}") from error
    except InvalidPolicy as error:
        raise type(error)(f"{what} {str(path)!r}: {error}") from error

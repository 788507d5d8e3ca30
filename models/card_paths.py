"""Paths that a card names: below its own folder, whatever links lead where."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from models.card_errors import refuse


def inside(card_path: Path, relative: str, field: str = "model.file") -> Path:
    """Return the resolved path of a name below a card's folder.

    Raises:
        CardInvalid: the name is absolute or contains `..`, or a link leaves the folder.
    """
    name = PurePosixPath(relative)
    folder = Path(os.path.realpath(card_path.parent))
    path = Path(os.path.realpath(folder / name))
    is_plain = "\x00" not in relative and "\\" not in relative and not name.is_absolute() and ".." not in name.parts
    if not is_plain or path == folder or not path.is_relative_to(folder):
        raise refuse(card_path, field, relative, f"a path below the folder of the card, {str(folder)!r}")
    return path

"""Files of an added card: in its folder, of limited size, with the hash in the card."""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePosixPath
from typing import Final

from models.card import CardFile, ModelSource
from models.card_errors import CardInvalid, refuse
from models.weights import sha256_once

MAX_FILE_BYTES: Final = 16 * 1024**3
MAX_SMALL_FILE_BYTES: Final = 64 * 1024**2
"""Of a file that is read as text: a configuration, a tokenizer."""


def verified_file(source: ModelSource, file: CardFile, max_bytes: int = MAX_FILE_BYTES) -> Path:
    """Return the path of a file that a card names, after its content has been checked.

    The content is hashed once per process, and again only when the file on disk has changed.

    Raises:
        CardInvalid: the path leaves the card's folder, the file is missing, or its hash differs.
    """
    path = inside(source.card_path, file.path)
    try:
        status = path.stat()
    except OSError as error:
        allowed = f"a file in the folder of the card, {str(source.card_path.parent)!r}"
        raise refuse(source.card_path, "model.file", file.path, f"{allowed} ({error.strerror})") from error
    if not stat.S_ISREG(status.st_mode):
        raise refuse(source.card_path, "model.file", file.path, "a regular file")
    if status.st_size > max_bytes:
        raise refuse(source.card_path, "model.file", f"{file.path} ({status.st_size} bytes)", f"at most {max_bytes}")
    found = sha256_once(path, status)
    if found != file.sha256:
        where = f"card {str(source.card_path)!r}: the sha256 of {file.path!r}"
        raise CardInvalid(f"{where} is {found}; allowed: {file.sha256}, as the card names it; the file was altered")
    return path


def inside(card_path: Path, relative: str) -> Path:
    """Return the resolved path of a name below a card's folder.

    Raises:
        CardInvalid: the name is absolute or contains `..`, or a link leaves the folder.
    """
    name = PurePosixPath(relative)
    folder = Path(os.path.realpath(card_path.parent))
    path = Path(os.path.realpath(folder / name))
    if (
        "\x00" in relative
        or "\\" in relative
        or name.is_absolute()
        or ".." in name.parts
        or not _is_below(path, folder)
    ):
        raise refuse(card_path, "model.file", relative, f"a path below the folder of the card, {str(folder)!r}")
    return path


def _is_below(path: Path, folder: Path) -> bool:
    return path != folder and path.is_relative_to(folder)

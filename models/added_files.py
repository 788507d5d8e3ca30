"""Files of an added card: in its folder, of limited size, with the hash in the card."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from models.card import ModelSource
from models.card_errors import CardInvalid, refuse
from models.card_paths import inside
from models.model_files import CardFile
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
    _check_sha256(source, file, sha256_once(path, status))
    return path


def verified_content(source: ModelSource, file: CardFile, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """Return the content of a file that a card names: the same bytes that are checked, whatever happens to the file.

    Raises:
        CardInvalid: see `verified_file`.
    """
    with verified_file(source, file, max_bytes).open("rb") as opened:
        content = opened.read(max_bytes + 1)
    _check_sha256(source, file, hashlib.sha256(content).hexdigest())
    return content


def _check_sha256(source: ModelSource, file: CardFile, found: str) -> None:
    if found != file.sha256:
        where = f"card {str(source.card_path)!r}: the sha256 of {file.path!r}"
        raise CardInvalid(f"{where} is {found}; allowed: {file.sha256}, as the card names it; the file was altered")


def configuration(source: ModelSource) -> dict[str, Any]:
    """The verified configuration of an architecture of `transformers`.

    Raises:
        CardInvalid: it is no JSON object, or asks for anything but an architecture and its weights.
    """
    name = f"{source.folder}/config.json"
    file = next(file for file in source.files if file.path == name)
    content = verified_content(source, file, MAX_SMALL_FILE_BYTES)
    try:
        found = msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise refuse(source.card_path, "model.files", name, f"a JSON object ({error})") from error
    for key in _ASKING_FOR_MORE & found.keys():
        allowed = "a configuration without it: a card runs no code, and loads nothing but its files"
        raise refuse(source.card_path, "model.files", f"{name} with {key}", allowed)
    return found


_ASKING_FOR_MORE: Final = frozenset(
    ("auto_map", "quantization_config", "custom_pipelines", "backbone", "use_pretrained_backbone", "use_timm_backbone")
)
"""Keys of a configuration for code, kernels or weights from elsewhere."""


def known_classes(source: ModelSource) -> tuple[str, ...]:
    """The model's own words for its classes, where its configuration has them."""
    if source.format != "transformers":
        return ()
    words = configuration(source).get("id2label")
    if not isinstance(words, dict) or {str(index) for index in range(len(words))} != words.keys():
        return ()
    return tuple(str(words[str(index)]) for index in range(len(words)))


def verify_folder(source: ModelSource) -> None:
    """Check that a model's folder holds the files that its card names and no others, which a library might read.

    Raises:
        CardInvalid: a file is missing, altered or more than the card names.
    """
    for file in source.files:
        verified_file(source, file)
    if source.format != "transformers":
        return
    folder = source.card_path.parent / source.folder
    known = {inside(source.card_path, name) for name in (*(file.path for file in source.files), *source.notes)}
    more = [path for path in sorted(files_below(folder)) if path.resolve() not in known]
    if more:
        found = str(more[0].relative_to(source.card_path.parent))
        raise refuse(source.card_path, "model.files", f"without {found}", "every file in the folder, with its sha256")


def files_below(folder: Path) -> Iterator[Path]:
    """Yield what a card has to name of a model's folder: no cards, and nothing hidden, such as a downloader's notes,
    which no library reads."""
    for path in folder.rglob("*"):
        is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not path.is_dir() and path.suffix != ".toml" and not is_hidden:
            yield path

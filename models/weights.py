"""Paths of weights on disk, and the check of their hashes.

Layout: `<cache>/weights/<package>-<version>/<member>`. Only `ops.assets` writes there; models read.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from models.model_files import WeightFile

LOCK_FILE = Path(__file__).with_name("weights.lock")
"""Pinned packages that the cards name."""

_REMEDY = "run `vidsignal models fetch`"
_READ_BYTES = 1 << 20


class WeightsMissing(FileNotFoundError):
    """The cache has no such file: it was never fetched, or the cache folder is another one."""


class WeightsCorrupt(ValueError):
    """The hash of the file in the cache differs from the card's; it must not be loaded."""


def cached_weight(file: WeightFile, cache_dir: Path) -> Path:
    """Return the path of a weight file, whether or not it exists."""
    return cache_dir / "weights" / file.package.replace("==", "-").replace(":", "-") / file.member


def weight_path(file: WeightFile, cache_dir: Path) -> Path:
    """Return the path of a weight file whose content has been checked.

    The content is hashed once per process, and again only when the file on disk has changed.

    Raises:
        WeightsMissing: the file is not in the cache.
        WeightsCorrupt: its SHA-256 differs from the card's.
    """
    path = cached_weight(file, cache_dir)
    try:
        stat = path.stat()
    except FileNotFoundError as error:
        raise WeightsMissing(f"{file.package}: no {path}; {_REMEDY}") from error
    found = sha256_once(path, stat)
    if found != file.sha256:
        raise WeightsCorrupt(f"{path}: sha256 is {found}, must be {file.sha256}; {_REMEDY}")
    return path


_hashes: dict[tuple[Path, int, int], str] = {}
"""By path, size and time of change: a replaced file is hashed again."""


def sha256_once(path: Path, stat: os.stat_result) -> str:
    """Return the SHA-256 of a file, hashed again only where its size or time of change differs."""
    known_as = (path, stat.st_size, stat.st_mtime_ns)
    if known_as not in _hashes:
        _hashes[known_as] = file_sha256(path)
    return _hashes[known_as]


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hex digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_READ_BYTES):
            digest.update(chunk)
    return digest.hexdigest()

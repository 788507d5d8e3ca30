"""Which code this process runs: what crashed one release is tried again by another, and by no other.

The version of the package changes less often than its code does, so a digest of the code follows it.
"""

from __future__ import annotations

import sys
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

_PACKAGES: Final = ("schemas", "models", "operators", "streams")
"""What a worker runs; `ops` starts it."""
_CODE: Final = frozenset((".py", ".lua", ".yaml"))
_NATIVE: Final = ("hiredis", "msgspec", "redis", "pyyaml")
"""What folds run on: another version may fix what crashed, too."""


@cache
def release() -> str:
    """Version of the package with a digest of the installed code, such as `0.1.0+6f1d2c3b4a59`.

    Takes some 30 ms of CPU the first time. Ask before the code on disk may be replaced: what runs is what was loaded.
    """
    digest = blake2b(sys.version.encode(), digest_size=6)
    for name in _NATIVE:
        digest.update(f"{name} {version(name)}\n".encode())
    for package in _PACKAGES:
        add_code(digest, folder_of(package))
    return f"{version('vidsignal')}+{digest.hexdigest()}"


def add_code(digest: blake2b, folder: Path) -> None:
    """Add the code below a folder to a digest, which does not depend on the folder's location."""
    for path in sorted(path for path in folder.rglob("*") if path.suffix in _CODE):
        digest.update(f"{path.relative_to(folder.parent).as_posix()}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())


def folder_of(package: str) -> Path:
    """Where a package is installed."""
    spec = find_spec(package)
    assert spec is not None and spec.submodule_search_locations, f"{package} is not installed"
    return Path(next(iter(spec.submodule_search_locations)))

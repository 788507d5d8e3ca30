"""Files with keys and passwords."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_OWNER_ALONE: Final = 0o600


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, from its first byte on."""
    path.touch(mode=_OWNER_ALONE)
    path.chmod(_OWNER_ALONE)
    path.write_bytes(content)

"""The folder for files that are too large to commit or have other owners: weights and sample clips."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def default_cache_dir() -> Path:
    """Return `VIDSIGNAL_CACHE_DIR`, or `~/.cache/vidsignal` if it is not set."""
    named = os.environ.get("VIDSIGNAL_CACHE_DIR")
    return Path(named).expanduser() if named else Path.home() / ".cache" / "vidsignal"


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Lock a folder, created if missing, against other processes that fetch into it; waits for the lock.

    The kernel releases the lock with the process, so a killed fetch never blocks the next one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".fetch.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

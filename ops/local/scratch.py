"""Folders for what local servers write; one that a killed process left behind is swept up by the next."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_PREFIX = "vidsignal-local-"
_LOCK = "owner.lock"
_NEW_LOCK = "owner.lock.new"


@contextmanager
def scratch_dir() -> Iterator[Path]:
    """Give a folder of our own and remove it afterwards; removes those whose owners are dead, too."""
    remove_abandoned()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        with (folder / _NEW_LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            (folder / _NEW_LOCK).rename(folder / _LOCK)  # held before a sweep can see it
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned() -> None:
    """Remove every scratch folder that no living process holds."""
    for lock_path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_LOCK}"):
        try:
            with lock_path.open() as lock:
                _remove_unless_held(lock, lock_path.parent)
        except OSError:  # another user's, or swept by another process this moment
            continue


def _remove_unless_held(lock: IO[str], folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    shutil.rmtree(folder, ignore_errors=True)

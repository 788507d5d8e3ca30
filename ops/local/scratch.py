"""Folders for local servers' files; the next process removes those of killed ones."""

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
    """Create a folder and remove it afterwards; also removes those whose owners are dead."""
    remove_abandoned()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        with (folder / _NEW_LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            (folder / _NEW_LOCK).rename(folder / _LOCK)  # locked before another process can find it
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned() -> None:
    """Remove every scratch folder that no living process has locked."""
    for lock_path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_LOCK}"):
        try:
            with lock_path.open() as lock:
                _remove_unless_held(lock, lock_path.parent)
        except OSError:  # another user's, or being removed by another process
            continue


def _remove_unless_held(lock: IO[str], folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    shutil.rmtree(folder, ignore_errors=True)

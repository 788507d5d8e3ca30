"""A folder of results that are expensive to compute: an entry is used only if it is complete and written by this user.

A cache may be lost, damaged or manipulated by another user of the machine at any time. So an entry counts only if
folder and file belong to this user, nobody else may write to them, and the content matches the digest before it. Every
other entry counts as absent, and its content is computed again. No error of the file system is raised from this file.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import re
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

logger = logging.getLogger(__name__)

Decoded = TypeVar("Decoded")

_DIGEST_BYTES: Final = hashlib.sha256().digest_size
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}(?!\n)")
_UNFINISHED: Final = ".unfinished-"
_ABANDONED_SECONDS: Final = 3600.0
"""Age of an unfinished file whose writer must be dead."""
_LOCK_LOOK_SECONDS: Final = 0.1
_WRITABLE_BY_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH
_OPEN_TO_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class PrivateCache:
    """Entries by name, at most `max_bytes` in total; the least recently used ones are removed first.

    Several processes may use one folder at once: an entry appears completely or not at all.

    Args:
        folder: created with mode 0700 if it is missing, with its parents.
        max_bytes: of all entries; a larger entry is not stored, and 0 stores none.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder = folder
        self._max_bytes = max_bytes

    def read(self, name: str) -> bytes | None:
        """Return an entry's content; None without one that is complete and our own."""
        path = self._path(name)
        try:
            content = self._verified(path)
        except FileNotFoundError:
            return None
        except (OSError, _Untrusted) as error:
            logger.warning("replacing unusable cache entry %s: %s", path, error)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # marks it as used
        return content

    def decoded(self, name: str, decode: Callable[[bytes], Decoded]) -> Decoded | None:
        """Return an entry's decoded content; one that cannot be decoded is removed, and counts as absent.

        Args:
            name: of the entry.
            decode: raises ValueError for a content of another kind, as the decoders of msgspec do.
        """
        content = self.read(name)
        if content is None:
            return None
        try:
            return decode(content)
        except ValueError:
            self.forget(name)
            return None

    def write(self, name: str, content: bytes) -> None:
        """Store a content under a name, replacing an earlier one; does nothing if it cannot be stored."""
        path = self._path(name)
        if len(content) + _DIGEST_BYTES > self._max_bytes:
            return
        try:
            self._make_folder()
            self._replace(path, hashlib.sha256(content).digest() + content)
            self._shrink(kept=path)
        except (OSError, _Untrusted) as error:
            logger.info("cannot write cache entry %s: %s", path, error)

    def forget(self, name: str) -> None:
        """Remove an entry."""
        with contextlib.suppress(OSError):
            self._path(name).unlink()

    @contextlib.contextmanager
    def exclusive(self, timeout_seconds: float) -> Iterator[None]:
        """Let one process at a time compute what several would store; the others wait, at most `timeout_seconds`.

        The kernel ends the lock with its process. Where a folder cannot be locked, nobody waits.
        """
        with contextlib.ExitStack() as locked:
            with contextlib.suppress(OSError, _Untrusted):
                self._make_folder()
                locked.enter_context(_lock(self.folder, timeout_seconds))
            yield

    def trouble(self) -> str:
        """Return why nothing can be stored; empty if it can. Nothing is created or changed."""
        if self._max_bytes == 0:
            return "it may have 0 bytes"
        # Not `Path.exists`, which raises if a parent folder may not be searched.
        there = next(path for path in (self.folder, *self.folder.absolute().parents) if os.access(path, os.F_OK))
        try:
            if os.path.lexists(self.folder):
                _require_own(self.folder.lstat(), self.folder, stat.S_ISDIR, _OPEN_TO_OTHERS)
        except (OSError, _Untrusted) as error:
            return str(error)
        return "" if os.access(there, os.W_OK | os.X_OK) else f"{there} cannot be written to"

    def used_bytes(self) -> int:
        """Return the used space; 0 if nothing can be read."""
        try:
            return sum(status.st_size for _path, status in self._files())
        except OSError:
            return 0

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"name of a cache entry is {name!r}; it must match {_NAME.pattern}")
        return self.folder / name

    def _verified(self, path: Path) -> bytes:
        _require_own(self.folder.lstat(), self.folder, stat.S_ISDIR, _OPEN_TO_OTHERS)
        # Checks the open file, not the path: the path may name another file in between.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            _require_own(status, path, stat.S_ISREG, _WRITABLE_BY_OTHERS)
            if status.st_size > self._max_bytes:
                raise _Untrusted(f"it has {status.st_size} bytes; all entries together may have {self._max_bytes}")
            digest, content = file.read(_DIGEST_BYTES), file.read()
        if hashlib.sha256(content).digest() != digest:
            raise _Untrusted("its content does not have the digest that it names")
        return content

    def _make_folder(self) -> None:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            self.folder.mkdir(mode=0o700)
        _require_own(self.folder.lstat(), self.folder, stat.S_ISDIR, _OPEN_TO_OTHERS)

    def _replace(self, path: Path, content: bytes) -> None:
        # Created with mode 0600 in the same folder, and renamed: a reader sees a complete entry, or the previous one.
        descriptor, unfinished = tempfile.mkstemp(prefix=_UNFINISHED, dir=self.folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            Path(unfinished).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(unfinished).unlink()
            raise

    def _shrink(self, kept: Path) -> None:
        """Remove the least recently used entries until the rest fits, and files of dead writers."""
        room = self._max_bytes
        for path, status in sorted(self._files(), key=lambda entry: (entry[0] != kept, -entry[1].st_mtime)):
            if path.name.startswith(_UNFINISHED):
                if time.time() - status.st_mtime > _ABANDONED_SECONDS:
                    path.unlink(missing_ok=True)
                continue
            room -= status.st_size
            if room < 0:
                path.unlink(missing_ok=True)

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        for path in self.folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # another process removed it
                status = path.lstat()
                if stat.S_ISREG(status.st_mode):
                    yield path, status


@contextlib.contextmanager
def _lock(folder: Path, timeout_seconds: float) -> Iterator[None]:
    """Hold the lock of a folder, or go on without it once the time is over. Raises OSError where there are none."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        until_seconds = time.monotonic() + timeout_seconds
        while not _take_lock(descriptor) and time.monotonic() < until_seconds:
            time.sleep(_LOCK_LOOK_SECONDS)
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # a process that was forked meanwhile would hold it on
        os.close(descriptor)


def _take_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class _Untrusted(Exception):
    """The file exists, and must not be used."""


def _require_own(status: os.stat_result, path: Path, is_kind: Callable[[int], bool], forbidden: int) -> None:
    if not is_kind(status.st_mode):
        raise _Untrusted(f"{path} is of another kind")
    if status.st_uid != os.geteuid():
        raise _Untrusted(f"{path} belongs to user {status.st_uid}, and this process is user {os.geteuid()}")
    if status.st_mode & forbidden:
        raise _Untrusted(f"{path} has mode {stat.S_IMODE(status.st_mode):04o}; other users must have no access")

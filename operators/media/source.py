"""From a reference to an open file descriptor: what was checked is what gets decoded."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from operators.errors import InvalidMedia

MAX_FILE_BYTES = 8 * 2**30
"""Well above an hour of 4K at 15 Mbit/s (6.8 GB)."""


@dataclass(frozen=True, slots=True)
class OpenMedia:
    """A media file that passed the checks, open for reading; a context manager that closes it."""

    fd: int
    size_bytes: int
    path: Path
    """For messages only: the file is read through `fd`."""

    def close(self) -> None:
        """Close the descriptor; call once."""
        os.close(self.fd)

    def __enter__(self) -> OpenMedia:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def resolve_media(reference: str, roots: tuple[Path, ...], *, max_bytes: int = MAX_FILE_BYTES) -> OpenMedia:
    """Open what `reference` names.

    Args:
        reference: A path, or `<kind>:...` for a kind in `SOURCE_KINDS`; a relative path is looked up under
            each root.
        roots: Folders below which a file must lie after symlinks and `..` are resolved.
        max_bytes: Larger files are refused.

    Raises:
        InvalidMedia: media-missing, media-outside-roots, media-not-a-file, media-empty or media-too-large.
    """
    kind, _, rest = reference.partition(":")
    if kind in SOURCE_KINDS and rest:
        return SOURCE_KINDS[kind](rest, roots, max_bytes)
    return _open_file(reference, roots, max_bytes)


def _open_file(reference: str, roots: tuple[Path, ...], max_bytes: int) -> OpenMedia:
    path = _below_a_root(reference.removeprefix("//"), tuple(_resolved(str(root)) for root in roots))
    fd = _open_regular(path)
    try:
        return OpenMedia(fd, _checked_size(fd, path, max_bytes), path)
    except InvalidMedia:
        os.close(fd)
        raise


def _below_a_root(reference: str, roots: tuple[Path, ...]) -> Path:
    """The resolved path; a relative one is taken under the first root that has it."""
    inside = [
        path for root in roots if (path := _resolved(str(root / reference))).is_relative_to(root) and path != root
    ]
    if not inside:
        raise InvalidMedia("media-outside-roots", f"{reference!r} does not lie below {[str(root) for root in roots]}")
    return next((path for path in inside if os.path.lexists(path)), inside[0])


def _resolved(path: str) -> Path:
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError) as error:  # a null byte is a ValueError
        raise InvalidMedia("media-missing", f"{path!r} is not a path: {error}") from error


def _open_regular(path: Path) -> int:
    # O_NOFOLLOW: the path is resolved, so a symlink here was swapped in after the check. O_NONBLOCK: a FIFO
    # with no writer would hang the open; regular files ignore it.
    try:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise InvalidMedia("media-missing", f"{str(path)!r} does not exist") from error
    except OSError as error:
        raise InvalidMedia("media-missing", f"{str(path)!r} cannot be opened: {error.strerror}") from error


def _checked_size(fd: int, path: Path, max_bytes: int) -> int:
    opened = os.fstat(fd)
    # A folder on the way may have been swapped for a symlink between check and open: ask where the descriptor
    # is now.
    if os.path.realpath(f"/proc/self/fd/{fd}") != str(path):
        raise InvalidMedia("media-outside-roots", f"{str(path)!r} moved while it was opened")
    if not stat.S_ISREG(opened.st_mode):
        raise InvalidMedia("media-not-a-file", f"{str(path)!r} is not a regular file")
    if opened.st_size == 0:
        raise InvalidMedia("media-empty", f"{str(path)!r} has no bytes")
    if opened.st_size > max_bytes:
        raise InvalidMedia("media-too-large", f"{str(path)!r} has {opened.st_size} bytes; at most {max_bytes}")
    return opened.st_size


SOURCE_KINDS: Mapping[str, Callable[[str, tuple[Path, ...], int], OpenMedia]] = {"file": _open_file}
"""Every kind of source by the word before the colon; a kind that fetches joins by a line here."""

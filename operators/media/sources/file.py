"""Media in a local file: from a path to an open descriptor; the checked file is the one that is decoded."""

from __future__ import annotations

import asyncio
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from operators.errors import InvalidMedia
from operators.media.sources.media_roots import MediaRoot, fault_of
from operators.media.sources.sizes import require_size

MAX_FILE_BYTES = 8 * 2**30
"""Well above an hour of 4K at 15 Mbit/s (6.8 GB)."""


@dataclass(frozen=True, slots=True)
class OpenMedia:
    """A file that passed the checks, open for reading: an `OpenedSource`, and a context manager that closes it."""

    fd: int
    size_bytes: int
    path: Path
    """For messages only: the file is read through `fd`."""

    is_whole: bool = True
    bytes_fetched: int = 0

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    async def ensure(self, start: int, stop: int) -> None:
        """See `OpenedSource`: everything is local."""

    async def aclose(self) -> None:
        """See `OpenedSource`."""
        self.close()

    def close(self) -> None:
        """Close the descriptor; call once."""
        os.close(self.fd)

    def __enter__(self) -> OpenMedia:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


async def open_file(path: str, roots: tuple[MediaRoot, ...], *, max_bytes: int, named_bytes: int | None) -> OpenMedia:
    """Open the file at `path`, outside the event loop: a network file system may be slow.

    Args:
        path: see `resolve_media`.
        roots: see `resolve_media`.
        max_bytes: larger files are refused.
        named_bytes: the length in the event.

    Raises:
        InvalidMedia: see `resolve_media`, and media-size-mismatch.
        MachineUnavailable: see `resolve_media`.
    """
    opening = asyncio.ensure_future(asyncio.to_thread(resolve_media, path, roots, max_bytes=max_bytes))
    try:
        media = await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close_unwanted)
        raise
    try:
        require_size(media.name, media.size_bytes, max_bytes=max_bytes, named_bytes=named_bytes)
    except InvalidMedia:
        media.close()
        raise
    return media


def resolve_media(path: str, roots: tuple[MediaRoot, ...], *, max_bytes: int = MAX_FILE_BYTES) -> OpenMedia:
    """Open the file at `path`.

    Args:
        path: absolute, or relative and then looked up under each root; may start with `file:` or `file://`.
        roots: folders below which a file must be after symlinks and `..` are resolved.
        max_bytes: larger files are refused.

    Raises:
        InvalidMedia: media-missing, media-forbidden, media-outside-roots, media-not-a-file, media-empty or
            media-too-large.
        MachineUnavailable: this machine cannot open files there now: the root is not mounted, the file system or the
            process has no more descriptors, or the disk fails.
    """
    resolved, root = _below_a_root(path.removeprefix("file:").removeprefix("//"), roots)
    fd = _open_regular(resolved, root)
    try:
        return OpenMedia(fd, _checked_size(fd, resolved, max_bytes), resolved)
    except InvalidMedia:
        os.close(fd)
        raise


def _close_unwanted(opening: asyncio.Future[OpenMedia]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _below_a_root(reference: str, roots: tuple[MediaRoot, ...]) -> tuple[Path, MediaRoot]:
    """Return the resolved path and its root; a relative path is searched under each root in order.

    If no root has it, each must be present: a missing one may be the one that has it.
    """
    inside = [(path, root) for root in roots if (path := _path_below(root, reference)) is not None]
    if not inside:
        shown = [str(root.path) for root in roots]
        raise InvalidMedia("media-outside-roots", f"{reference!r} is not below {shown}")
    found = next(((path, root) for path, root in inside if os.path.lexists(path)), None)
    if found is None:
        for _, root in inside:
            root.require_present()
    return found or inside[0]


def _path_below(root: MediaRoot, reference: str) -> Path | None:
    folder = _resolved(str(root.path))
    path = _resolved(str(folder / reference))
    return path if path.is_relative_to(folder) and path != folder else None


def _resolved(path: str) -> Path:
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError) as error:  # a null byte is a ValueError
        raise InvalidMedia("media-missing", f"{path!r} is not a path: {error}") from error


def _open_regular(path: Path, root: MediaRoot) -> int:
    # O_NOFOLLOW: the path is resolved, so a symlink here was created after the check. O_NONBLOCK: a FIFO without a
    # writer would block the open; regular files ignore it.
    try:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise fault_of(error, path, root) from error


def _checked_size(fd: int, path: Path, max_bytes: int) -> int:
    opened = os.fstat(fd)
    # A folder on the path may have been replaced by a symlink between check and open: check where the descriptor is
    # now.
    if os.path.realpath(f"/proc/self/fd/{fd}") != str(path):
        raise InvalidMedia("media-outside-roots", f"{str(path)!r} moved while it was opened")
    if not stat.S_ISREG(opened.st_mode):
        raise InvalidMedia("media-not-a-file", f"{str(path)!r} is not a regular file")
    require_size(str(path), opened.st_size, max_bytes=max_bytes, named_bytes=None)
    return opened.st_size

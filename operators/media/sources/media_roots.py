"""The folders below which files may be read, and whether each is still the same as at the worker's start.

A missing file is the upload's fault, unless its whole root is missing: an unmounted folder is missing, empty, or on
another device, and an open fails with the same ENOENT as for a wrong path.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from operators.errors import InvalidMedia, MachineUnavailable

_NO_SUCH_FILE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
_NOT_FOR_US: Final = frozenset({errno.EACCES, errno.EPERM})
_NO_FILE: Final = frozenset({errno.ENXIO, errno.EISDIR})
"""Sockets, and pipes without a reader."""


@dataclass(slots=True)
class MediaRoot:
    """One folder; `device` is that of the first check at which it existed."""

    path: Path
    device: int | None = field(init=False)

    def __post_init__(self) -> None:
        self.device = _device_of(self.path)

    @property
    def origin(self) -> str:
        """Name of the unavailable source, for messages and for waiting."""
        return f"file://{self.path}"

    def require_present(self) -> None:
        """Return if files can be searched here.

        Raises:
            MachineUnavailable: the folder is missing, empty, or on another device than at the start of the worker.
        """
        try:
            device, is_empty = self.path.stat().st_dev, not any(os.scandir(self.path))
        except OSError as error:
            raise MachineUnavailable(self.origin, f"the media root cannot be read: {error.strerror}") from error
        if is_empty:
            raise MachineUnavailable(self.origin, "the media root is empty; is it mounted?")
        if self.device is None:
            self.device = device
        if device != self.device:
            change = f"device {self.device} when the worker started, and is on {device}"
            raise MachineUnavailable(self.origin, f"the media root was on {change}; is it mounted?")


def _device_of(path: Path) -> int | None:
    try:
        return path.stat().st_dev
    except OSError:
        return None


def fault_of(error: OSError, path: Path, root: MediaRoot) -> InvalidMedia | MachineUnavailable:
    """Return the error for a failed open: the path's fault, or this machine's, which is waited for."""
    shown = f"{str(path)!r} cannot be opened: {error.strerror}"
    if error.errno in _NO_SUCH_FILE:
        root.require_present()
        return InvalidMedia("media-missing", shown)
    if error.errno in _NOT_FOR_US:
        return InvalidMedia("media-forbidden", shown)
    if error.errno in _NO_FILE:
        return InvalidMedia("media-not-a-file", shown)
    return MachineUnavailable(root.origin, shown)

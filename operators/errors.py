"""Errors of the operator layer, each named for what happens next."""

from __future__ import annotations

import errno
from typing import Final, Literal

MediaCause = Literal[
    "media-missing",
    "media-outside-roots",
    "media-not-a-file",
    "media-empty",
    "media-too-large",
    "media-unreadable",
    "media-no-streams",
    "media-no-frames",
    "media-no-decoder",  # a stream of a codec that this build cannot decode
    "media-encrypted",
    "media-damaged",  # next to nothing of a stream can be decoded
    "media-too-many-pixels",
    "media-decoder-died",  # it crashed
    "media-decoder-killed",  # twice from outside, as the kernel does when memory is short
    "media-decoder-timeout",
    "media-decoder-memory",
    "media-address-refused",  # the URL, or an address that its host resolves to, is not one we fetch from
    "media-forbidden",  # the origin says no
    "media-refused",  # the origin answers with something else than media: too many redirects, an odd status
    "media-checksum",  # not the bytes that the event names
    "media-changed",  # the object became another one while it was read
    "media-size-mismatch",  # shorter or longer than announced
    "media-too-slow",  # the origin trickles
    "media-source-away",  # away for longer than the settings' patience
]
"""Why a media file was refused; the word that stands in failed signals, dead letters and metrics."""


class InvalidMedia(Exception):
    """The media is at fault: never retried; failed signals and one dead letter follow."""

    def __init__(self, cause: MediaCause, message: str) -> None:
        super().__init__(message)
        self.cause: MediaCause = cause
        self.message = message


class SourceUnavailable(Exception):
    """Where the media lies does not answer now, or refuses credentials that may be renewed: waited for.

    Args:
        origin: who is unavailable, such as `https://cdn.example:443` or `s3://bucket`; for breakers, metrics and logs.
        message: what was seen.
    """

    def __init__(self, origin: str, message: str) -> None:
        super().__init__(f"{origin}: {message}")
        self.origin = origin
        self.message = message


class MachineUnavailable(SourceUnavailable):
    """This machine cannot read or keep media now: no descriptors or memory, a failing disk, a mount that is gone.

    Waited for like a source, and never the upload's fault; origins and their breakers have nothing to do with it.
    """


class SpoolFull(MachineUnavailable):
    """The local disk has no room for more fetched media now; what is in flight has to end first."""


class Overloaded(Exception):
    """No room right now: the caller waits and asks again with the same work."""


class DeviceFault(Exception):
    """A device or its runner failed: retried on a fresh runner a bounded number of times, then failed."""


class DeviceFull(DeviceFault):
    """The device has no memory for it now; it works, and may have some later."""


class DeviceLost(DeviceFault):
    """The device answers nothing any more, whatever it is asked: this process has to end.

    Args:
        message: what was seen.
        was_on_device: whether the caller's item was in the batch at which that happened, and may be the cause; others
            merely came after.
    """

    def __init__(self, message: str, *, was_on_device: bool = True) -> None:
        super().__init__(message)
        self.was_on_device = was_on_device


class ModelFault(DeviceFault):
    """A model answered with something that is not a result, such as a score that is not finite."""


THIS_MACHINE: Final = "this machine"
"""Origin of what fails without a media root or a spool that could be named."""

MACHINE_ERRNOS: Final = frozenset(
    (
        errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN,  # no more descriptors, memory or processes
        errno.ENOSPC, errno.EDQUOT, errno.EROFS,  # nothing more can be written
        errno.EIO, errno.ENODEV, errno.EREMOTEIO,  # the disk fails, or is gone
        errno.ESTALE, errno.ENOTCONN, errno.EHOSTDOWN, errno.ETIMEDOUT,  # so does a network's file system
    )
)  # fmt: skip
"""Operating-system errors that say nothing of the media or the event."""


def machine_fault(error: BaseException, origin: str = THIS_MACHINE) -> MachineUnavailable | None:
    """What an error means where this machine is to blame for it: no memory, or an operating-system error; else None."""
    if isinstance(error, MemoryError):
        return MachineUnavailable(origin, f"no memory: {error}".rstrip(": "))
    if not isinstance(error, OSError) or error.errno not in MACHINE_ERRNOS:
        return None
    return MachineUnavailable(origin, error.strerror or str(error))

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
    "media-damaged",  # hardly anything of a stream can be decoded
    "media-too-many-pixels",
    "media-decoder-died",  # it crashed
    "media-decoder-killed",  # twice from outside, usually by the OOM killer
    "media-decoder-timeout",
    "media-decoder-memory",
    "media-address-refused",  # the URL, or an address of its host, is not allowed
    "media-forbidden",  # the origin refuses access
    "media-refused",  # the origin's answer is no media: too many redirects, an unexpected status
    "media-checksum",  # not the bytes that the event names
    "media-changed",  # the object was replaced while it was read
    "media-size-mismatch",  # shorter or longer than announced
    "media-too-slow",  # the origin sends too slowly
    "media-source-away",  # unavailable for longer than the outage timeout
]
"""Causes of a refused media file, as in failed signals, dead letters and metrics."""


class InvalidMedia(Exception):
    """The media is at fault: it is never retried; failed signals and one dead letter follow."""

    def __init__(self, cause: MediaCause, message: str) -> None:
        super().__init__(message)
        self.cause: MediaCause = cause
        self.message = message


class SourceUnavailable(Exception):
    """The media source does not answer now, or refuses credentials that may be renewed: the event waits.

    Args:
        origin: the unavailable server, such as `https://cdn.example:443` or `s3://bucket`; for breakers, metrics and
            logs.
        message: what was observed.
    """

    def __init__(self, origin: str, message: str) -> None:
        super().__init__(f"{origin}: {message}")
        self.origin = origin
        self.message = message


class MachineUnavailable(SourceUnavailable):
    """This machine cannot read or store media now: no descriptors or memory, a failing disk, a missing mount.

    The event waits as for a source. It is never the upload's fault, and independent of origins and their breakers.
    """


class ServerUnavailable(SourceUnavailable):
    """A model server does not answer now, or refuses credentials that may be renewed: the event waits as for a source.

    `origin` is the server's address, with a breaker of its own.
    """


class SpoolFull(MachineUnavailable):
    """The local disk has no room for further fetched media now; media in flight must be finished first."""


class Overloaded(Exception):
    """There is no room now: the caller waits and submits the same work again."""


class DeviceFault(Exception):
    """A device or its runner failed: retried on a new runner a limited number of times, then failed."""


class DeviceFull(DeviceFault):
    """The device has no memory for it now; it works, and may have memory later."""


class DeviceLost(DeviceFault):
    """The device fails on every call: this process must end.

    Args:
        message: what was observed.
        was_on_device: whether the caller's item was in the failed batch, and may be the cause; other callers only came
            later.
    """

    def __init__(self, message: str, *, was_on_device: bool = True) -> None:
        super().__init__(message)
        self.was_on_device = was_on_device


class ModelFault(DeviceFault):
    """A model returned something that is no result, such as a score that is not finite."""


THIS_MACHINE: Final = "this machine"
"""Origin of a failure without a known media root or spool."""

MACHINE_ERRNOS: Final = frozenset(
    (
        errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN,  # no more descriptors, memory or processes
        errno.ENOSPC, errno.EDQUOT, errno.EROFS,  # nothing more can be written
        errno.EIO, errno.ENODEV, errno.EREMOTEIO,  # the disk fails, or is missing
        errno.ESTALE, errno.ENOTCONN, errno.EHOSTDOWN, errno.ETIMEDOUT,  # the same of a network file system
    )
)  # fmt: skip
"""Operating-system errors that are not caused by the media or the event."""


def machine_fault(error: BaseException, origin: str = THIS_MACHINE) -> MachineUnavailable | None:
    """Return the machine's fault behind an error, such as missing memory or an operating-system error; otherwise
    None."""
    if isinstance(error, MemoryError):
        return MachineUnavailable(origin, f"no memory: {error}".rstrip(": "))
    if not isinstance(error, OSError) or error.errno not in MACHINE_ERRNOS:
        return None
    return MachineUnavailable(origin, error.strerror or str(error))

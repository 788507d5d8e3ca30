"""Which errors end the process, and what becomes of all others that have no name.

An exception that none of us named is a bug, and mostly one that a single event brings about: a library that fails on an
odd header, a picture or a number. It costs that event its result, not the process. The process ends only where what all
events share cannot be relied on any more. Why: `docs/decisions`, 0020.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

from operators.errors import (
    DeviceFault,
    DeviceLost,
    InvalidMedia,
    MachineUnavailable,
    Overloaded,
    SourceUnavailable,
    machine_fault,
)
from schemas.errors import InvalidEvent

Boundary = Literal["source", "media", "record", "video-state", "work"]
"""Where it was met: opening and fetching media; index, decode and tracks; parsing of records and their headers; what is
stored of one video; and everything else that is done for one event."""

BOUNDARIES: Final[tuple[Boundary, ...]] = ("source", "media", "record", "video-state", "work")

INTERNAL_ERROR: Final = "internal-error"
"""Cause of the failed signal and the dead letter that answer it."""

_MAX_MESSAGE_CHARACTERS: Final = 500


class SharedStateFault(Exception):
    """What all events of a role rest on is not as it has to be: order of facts, offsets, store, publisher.

    Going on would lose or hide facts of other videos. Subclasses say what it is.
    """


class InternalError(Exception):
    """An unexpected exception, at a boundary: retried a bounded number of times, then answered as `internal-error`.

    Args:
        boundary: where it was met.
        error: what was met; it is also the `__cause__`, for the traceback.
        details: of another process, such as its traceback; for the log.
        num_tries: that were made already where it was met.
    """

    def __init__(self, boundary: Boundary, error: BaseException | str, details: str = "", num_tries: int = 1) -> None:
        super().__init__(error if isinstance(error, str) else _told(error))
        self.boundary: Boundary = boundary
        self.details = details
        self.num_tries = num_tries
        self._is_reported = False

    @property
    def message(self) -> str:
        """For people, bounded in length, and text that every wire takes."""
        return str(self).encode("utf-8", "replace").decode()[:_MAX_MESSAGE_CHARACTERS]

    def take_report(self) -> bool:
        """True for the first who asks, who logs and counts it: one decode that fails is seen by every agent."""
        is_first, self._is_reported = not self._is_reported, True
        return is_first


ENDS_PROCESS: Final[tuple[type[Exception], ...]] = (SharedStateFault, DeviceLost)
"""The only errors of work on an event that end the process: what all events share cannot be relied on any more."""

NAMED_ERRORS: Final[tuple[type[Exception], ...]] = (
    InvalidEvent, InvalidMedia, SourceUnavailable, Overloaded, DeviceFault, InternalError, *ENDS_PROCESS
)  # fmt: skip
"""Errors that say themselves what happens next; whatever else leaves work on an event becomes an `InternalError`."""


@contextmanager
def boundary(name: Boundary, *named: type[Exception]) -> Iterator[None]:
    """Let named errors through, and nothing else that is an Exception.

    Args:
        name: for metric and log.
        named: more errors that the caller handles.

    Raises:
        InternalError: from whatever was unexpected.
        MachineUnavailable: no memory, or an operating-system error for which this machine is to blame.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, NAMED_ERRORS + named):
            raise
        raise at_boundary(name, error) from error


def at_boundary(name: Boundary, error: Exception) -> InternalError | MachineUnavailable:
    """What an unexpected error is for those beyond the boundary."""
    return machine_fault(error) or InternalError(name, error)


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"

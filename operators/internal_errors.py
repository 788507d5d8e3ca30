"""Which errors end the process, and how all other unexpected errors are handled.

An exception without a name of ours is a bug, usually triggered by a single event: a library that fails on an unusual
header, picture or number. It costs that event its result, and does not end the process. The process ends only if state
that all events share is no longer reliable. Why: `docs/decisions`, 0020.
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
"""Where it occurred: opening and fetching media; index, decode and tracks; parsing of records and their headers; the
stored state of one video; and everything else that is done for one event."""

BOUNDARIES: Final[tuple[Boundary, ...]] = ("source", "media", "record", "video-state", "work")

INTERNAL_ERROR: Final = "internal-error"
"""Cause of the failed signal and the dead letter that answer it."""

_MAX_MESSAGE_CHARACTERS: Final = 500


class SharedStateFault(Exception):
    """State that all events of a role share is not valid: order of facts, offsets, store, publisher.

    Continuing would lose or hide facts of other videos. Subclasses name the state.
    """


class InternalError(Exception):
    """An unexpected exception, at a boundary: retried a limited number of times, then answered as `internal-error`.

    Args:
        boundary: where it occurred.
        error: the exception; it is also the `__cause__`, for the traceback.
        details: of another process, such as its traceback; for the log.
        num_tries: attempts that were already made at the boundary.
    """

    def __init__(self, boundary: Boundary, error: BaseException | str, details: str = "", num_tries: int = 1) -> None:
        super().__init__(error if isinstance(error, str) else _told(error))
        self.boundary: Boundary = boundary
        self.details = details
        self.num_tries = num_tries
        self._is_reported = False

    @property
    def message(self) -> str:
        """Text for people: limited in length, and valid in every format."""
        return str(self).encode("utf-8", "replace").decode()[:_MAX_MESSAGE_CHARACTERS]

    def take_report(self) -> bool:
        """Return True for the first caller, which logs and counts it: every agent sees a failed decode."""
        is_first, self._is_reported = not self._is_reported, True
        return is_first


ENDS_PROCESS: Final[tuple[type[Exception], ...]] = (SharedStateFault, DeviceLost)
"""The only errors of work on an event that end the process: shared state is no longer reliable."""

NAMED_ERRORS: Final[tuple[type[Exception], ...]] = (
    InvalidEvent, InvalidMedia, SourceUnavailable, Overloaded, DeviceFault, InternalError, *ENDS_PROCESS
)  # fmt: skip
"""Errors with a defined reaction; any other error of work on an event becomes an `InternalError`."""


@contextmanager
def boundary(name: Boundary, *named: type[Exception]) -> Iterator[None]:
    """Let named errors through, and convert every other Exception.

    Args:
        name: for metric and log.
        named: further errors that the caller handles.

    Raises:
        InternalError: for an unexpected error.
        MachineUnavailable: for missing memory, or an operating-system error of this machine.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, NAMED_ERRORS + named):
            raise
        raise at_boundary(name, error) from error


def at_boundary(name: Boundary, error: Exception) -> InternalError | MachineUnavailable:
    """Return the error that leaves the boundary for an unexpected one."""
    return machine_fault(error) or InternalError(name, error)


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"

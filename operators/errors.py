"""Errors of the operator layer, each named for what happens next."""

from __future__ import annotations

from typing import Literal

MediaCause = Literal[
    "media-missing",
    "media-outside-roots",
    "media-not-a-file",
    "media-empty",
    "media-too-large",
    "media-unreadable",
    "media-no-streams",
    "media-no-frames",
    "media-too-many-pixels",
    "media-decoder-died",
    "media-decoder-timeout",
    "media-decoder-memory",
]
"""Why a media file was refused; the word that stands in failed signals, dead letters and metrics."""


class InvalidMedia(Exception):
    """The media is at fault: never retried; failed signals and one dead letter follow."""

    def __init__(self, cause: MediaCause, message: str) -> None:
        super().__init__(message)
        self.cause: MediaCause = cause
        self.message = message


class Overloaded(Exception):
    """No room right now: the caller waits and asks again with the same work."""


class DeviceFault(Exception):
    """A device or its runner failed: retried on a fresh runner a bounded number of times, then failed."""


class ModelFault(DeviceFault):
    """A model answered with something that is not a result, such as a score that is not finite."""

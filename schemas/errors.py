"""The one error of the schema layer."""

from __future__ import annotations

from typing import Literal

EventCause = Literal["event-not-json", "event-invalid", "event-too-large"]
"""Why an event was refused; the word in dead letters and metrics."""


class InvalidEvent(Exception):
    """The event cannot be decoded: it is never retried; one dead letter follows."""

    def __init__(self, cause: EventCause, message: str) -> None:
        super().__init__(message)
        self.cause: EventCause = cause
        self.message = message

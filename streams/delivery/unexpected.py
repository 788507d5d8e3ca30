"""Unexpected errors of one role: each is logged once with its traceback, and counted by its boundary."""

from __future__ import annotations

from typing import Final

import structlog

from operators.internal_errors import INTERNAL_ERROR, InternalError
from schemas.facts import Failure
from streams.observability import metrics
from streams.record import Place

INTERNAL_ERROR_ATTEMPTS: Final = 3
"""Attempts of one event before an unexpected error becomes an answer."""

_log = structlog.get_logger(__name__)


def report(error: InternalError, role: str, place: Place) -> None:
    """Log and count an unexpected error, unless another agent of the same event has done so."""
    if not error.take_report():
        return
    metrics.INTERNAL_ERRORS.labels(role, error.boundary).inc()
    details = {"details": error.details} if error.details else {}
    _log.error(
        "unexpected error; the event is retried a few times, then fails as internal-error",
        role=role,
        boundary=error.boundary,
        place=place,
        exc_info=error,
        **details,
    )


def answer_to(error: InternalError) -> Failure:
    """Return the failure that the event gets instead of a result."""
    return Failure(cause=INTERNAL_ERROR, message=f"an error of ours at the {error.boundary} boundary: {error.message}")

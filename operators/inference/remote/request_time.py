"""How long a request to a server may take."""

from __future__ import annotations

from typing import Final

from operators.inference.loaded_model import RequestTerms

LEAST_SECONDS: Final = 0.5
"""A request with less time would be sent for nothing: it gets the whole time limit, and its answer comes late."""


def request_seconds(terms: RequestTerms, timeout_seconds: float) -> float:
    """Return the time limit of a request: until the deadline of its items, and at most `timeout_seconds`.

    A deadline that has passed limits nothing: the video was decided without this result, and is decided again with it.
    """
    if terms.seconds_left < LEAST_SECONDS:
        return timeout_seconds
    return min(timeout_seconds, terms.seconds_left)

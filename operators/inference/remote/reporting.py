"""Tells the watch of a server what came of each request."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from operators.errors import ModelFault, Overloaded, ServerUnavailable
from operators.inference.remote.faults import BatchFault, ModelMissing, NoAnswerInTime, NotReady
from operators.inference.remote.server_options import ServerOptions
from operators.inference.remote.server_watch import RequestOutcome, ServerRequest


@dataclass(slots=True)
class Tokens:
    """What a language model read and wrote; set by the sender of the request."""

    read: int = 0
    written: int = 0


@contextmanager
def reported(
    options: ServerOptions, seconds: float, *, is_failure_its_own: bool, tokens: Tokens | None = None
) -> Iterator[None]:
    """Report the request that is sent within, also if it fails.

    Args:
        options: of the server.
        seconds: the time limit of the request.
        is_failure_its_own: whether a failure while it computes says that the server, and not the item, is at fault.
        tokens: that are set within; None where none are counted.
    """
    tokens, began = tokens or Tokens(), time.monotonic()
    outcome: tuple[RequestOutcome, bool] = ("unavailable", False)
    try:
        yield
        outcome = "answered", False
    except Exception as error:
        outcome = _outcome_of(error, has_whole_time=seconds >= options.timeout_seconds)
        if isinstance(error, BatchFault):
            outcome = "failed", is_failure_its_own
        raise
    finally:
        options.watch.ended(
            ServerRequest(
                options.endpoint.origin, outcome[0], time.monotonic() - began, tokens.read, tokens.written, outcome[1]
            )
        )


def _outcome_of(error: Exception, *, has_whole_time: bool) -> tuple[RequestOutcome, bool]:
    """Return the outcome, and whether the server counts as unavailable."""
    match error:
        case NoAnswerInTime():
            return ("unavailable", True) if has_whole_time else ("cut", False)
        case Overloaded():
            return "overloaded", isinstance(error, NotReady)
        case ServerUnavailable():
            return "unavailable", not isinstance(error, ModelMissing)
        case ModelFault():
            return "refused", False
    return "unavailable", False

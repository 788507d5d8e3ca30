"""What a server's refusal means for the rows of a request, by the status alone: words of a message decide nothing."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from operators.errors import ModelFault, Overloaded, ServerUnavailable

_MAX_SHOWN_CHARACTERS: Final = 300

_MAY_BE_RENEWED: Final = frozenset(
    (
        HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,  # credentials
        HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY,
    )
)  # fmt: skip


class RequestRefused(ModelFault):
    """The server does not accept this request, whatever its numbers: it is not sent again, and not split."""


class BatchFault(ModelFault):
    """The server failed while it computed; the cause may be one row of this request, or of another one."""


class NoAnswerInTime(ServerUnavailable):
    """The time of a request is over."""


class ModelMissing(ServerUnavailable):
    """The server is there and does not have the model now: it may be loading it. Its other models are not affected."""


class NotAsked(ServerUnavailable):
    """The server failed again and again; nothing was sent to it."""


class NotReady(Overloaded):
    """The server is there and does not take requests now; unlike a full queue, this counts as a failure."""


def status_fault(origin: str, status: int, message: str) -> ModelFault | ServerUnavailable | Overloaded:
    """Return the error of an HTTP status other than success.

    Args:
        origin: address of the server.
        status: of the answer.
        message: body of the answer.
    """
    told = f"{origin} answered {status}: {shown(message)}"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Overloaded(told)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return NotReady(told)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return BatchFault(told)
    if status == HTTPStatus.NOT_FOUND:
        return ModelMissing(origin, f"answered {status}: {shown(message)}")
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _MAY_BE_RENEWED:
        return RequestRefused(told)
    return ServerUnavailable(origin, f"answered {status}: {shown(message)}")


def shown(message: str) -> str:
    """Return a server's message as it may stand in a log: one line, limited in length, no control characters."""
    words = " ".join(message.split())
    return "".join(character for character in words if character.isprintable())[:_MAX_SHOWN_CHARACTERS] or "no message"

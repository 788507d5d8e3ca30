"""Hearing why brokers do not let us in: librdkafka retries forever and says it only on the side."""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

from confluent_kafka import KafkaError

_SECONDS_BETWEEN_WARNINGS: Final = 10.0
"""The client tries many times a second."""
_SAYS_NOTHING: Final = (KafkaError._ALL_BROKERS_DOWN,)


class Refusals:
    """Takes a client's errors, tells refusals in the log, and remembers what was said last.

    A wrong user or password, or a certificate that one side does not accept, are refusals; a broker that is unavailable
    is none. To be handed to one client as `error_cb`; it speaks when that client is polled.

    Args:
        seconds: now, of any origin.
    """

    def __init__(self, seconds: Callable[[], float] = monotonic) -> None:
        self._seconds = seconds
        self._told_at: float | None = None
        self.refusal: str | None = None
        """The last refusal in the broker's or TLS's words."""
        self.last: str | None = None
        """The last error of any kind."""

    def hear(self, error: KafkaError) -> None:
        """Take one error."""
        if error.code() not in _SAYS_NOTHING:
            self.last = error.str()
        if is_refusal(error):
            self.refusal = error.str()
            self._tell(error.str())

    def _tell(self, reason: str) -> None:
        now = self._seconds()
        if self._told_at is None or now - self._told_at >= _SECONDS_BETWEEN_WARNINGS:
            self._told_at = now
            _logger().error("kafka authentication failed: user, password or certificates are wrong", reason=reason)


def is_refusal(error: KafkaError) -> bool:
    """Whether it will be answered the same until somebody changes a password, a certificate or a user."""
    # A broker that dies in a handshake gives the TLS code, too, so that the code alone is no refusal.
    return error.code() == KafkaError._AUTHENTICATION or "certificate" in error.str()


def _logger() -> Any:
    """Imported with the first refusal: it takes a quarter of a second, and most clients are never refused.

    A command that has set up no logs yet tells on standard error, apart from its answer.
    """
    import structlog

    if not structlog.is_configured():
        structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    return structlog.get_logger(__name__)

"""Collects reasons why brokers refuse a client; librdkafka retries forever and reports them only in a callback."""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

from confluent_kafka import KafkaError

_SECONDS_BETWEEN_WARNINGS: Final = 10.0
"""The client retries many times a second."""
_SAYS_NOTHING: Final = (KafkaError._ALL_BROKERS_DOWN,)


class Refusals:
    """Receives a client's errors, logs refusals, and remembers the last one.

    A wrong user or password, and a certificate that one side does not accept, are refusals; an unavailable broker is
    none. Pass it to one client as `error_cb`; it is called when that client is polled.

    Args:
        seconds: the current time, of any origin.
    """

    def __init__(self, seconds: Callable[[], float] = monotonic) -> None:
        self._seconds = seconds
        self._told_at: float | None = None
        self.refusal: str | None = None
        """The last refusal, as broker or TLS library report it."""
        self.last: str | None = None
        """The last error of any kind."""

    def hear(self, error: KafkaError) -> None:
        """Process one error."""
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
    """Return whether the answer stays the same until a password, a certificate or a user is changed."""
    # A broker that dies during a handshake causes the TLS code, too, so the code alone is no refusal.
    return error.code() == KafkaError._AUTHENTICATION or "certificate" in error.str()


def _logger() -> Any:
    """Import structlog with the first refusal: it takes a quarter of a second, and most clients are never refused.

    In a command that has not configured logs, messages go to standard error, separate from its output.
    """
    import structlog

    if not structlog.is_configured():
        structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    return structlog.get_logger(__name__)

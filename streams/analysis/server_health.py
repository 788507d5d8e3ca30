"""Model servers as the worker sees them: a breaker for each, as for media sources, and metrics of requests."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress

from operators.errors import SourceUnavailable
from operators.inference.remote.faults import NotAsked
from operators.inference.remote.server_watch import ServerRequest
from streams.delivery.breaker import Breakers
from streams.observability import metrics

Tell = Callable[[str], None]


class WatchedServers:
    """See `ServerWatch`; created on the event loop to which the breakers belong, called on the device's threads.

    Args:
        breakers: of all origins. Events that a server keeps waiting are woken by them.
        purpose: what the server is asked for, if failures count for that alone: models that decide have a breaker of
            their own, and wait for nothing that is optional.
    """

    def __init__(self, breakers: Breakers, purpose: str = "") -> None:
        self._breakers = breakers
        self._purpose = purpose and f" {purpose}"
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()

    def require(self, origin: str) -> None:
        """See `ServerWatch.require`."""
        try:
            with self._lock:
                self._breakers.require(origin + self._purpose)
        except SourceUnavailable as unavailable:
            raise NotAsked(origin, unavailable.message) from None

    def is_unavailable(self, origin: str) -> bool:
        """See `ServerWatch.is_unavailable`."""
        return self._breakers.is_open(origin + self._purpose)

    def ended(self, request: ServerRequest) -> None:
        """See `ServerWatch.ended`."""
        metrics.MODEL_SERVER_REQUESTS.labels(request.origin, request.outcome).inc()
        metrics.MODEL_SERVER_SECONDS.labels(request.origin).observe(request.seconds)
        for direction, num_tokens in (("input", request.input_tokens), ("output", request.output_tokens)):
            if num_tokens:
                metrics.MODEL_SERVER_TOKENS.labels(request.origin, direction).inc(num_tokens)
        name = request.origin + self._purpose
        if request.is_unavailable:
            self._tell(self._breakers.failed, name)
        elif request.outcome != "cut" and self._breakers.has_failed(name):
            self._tell(self._breakers.answered, name)

    def _tell(self, tell: Tell, origin: str) -> None:
        with suppress(RuntimeError):  # a closed loop has no events left
            self._loop.call_soon_threadsafe(tell, origin)

"""The health of one worker: connects the heartbeat, the endpoint, and the checks of broker and store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Final

import structlog

from streams.config.settings import Settings
from streams.lifecycle.clock import Clock
from streams.monitoring.endpoint import HealthEndpoint
from streams.monitoring.heartbeat import LATE_SECONDS, Heartbeat
from streams.monitoring.readiness import Health

_ASK_EVERY_SECONDS: Final = 5.0
_ANSWER_SECONDS: Final = 3.0

Question = Callable[[], Awaitable[bool]]

_log = structlog.get_logger(__name__)


class HealthWatch:
    """Open from a worker's first step to its last.

    Args:
        settings: of the worker.
        has_joined: whether a role has joined its group.
    """

    def __init__(self, settings: Settings, has_joined: Callable[[str], bool]) -> None:
        self._settings = settings
        self._heartbeat = Heartbeat(settings.event_loop_timeout_seconds)
        self.port: int | None = None
        """Port of the endpoint; None without one."""
        self.state = Health(
            settings.roles,
            time.monotonic,
            has_joined=has_joined,
            silent_seconds=lambda: self._heartbeat.silent_seconds,
            late_seconds=min(LATE_SECONDS, settings.event_loop_timeout_seconds / 2),
        )

    def open(self, opened: AsyncExitStack) -> None:
        """Start the heartbeat and the endpoint. Raises HealthPortTaken."""
        self._heartbeat.open()
        opened.callback(self._heartbeat.close)
        if self._settings.health_port is None:
            return
        statements = {"/livez": self.state.alive, "/readyz": self.state.ready}
        endpoint = HealthEndpoint(self._settings.health_host, self._settings.health_port, statements)
        opened.callback(endpoint.close)
        self.port = endpoint.port
        _log.info("health endpoint listening", port=endpoint.port)

    async def ask(self, questions: Mapping[str, Question], clock: Clock) -> None:
        """Check repeatedly what the worker needs, until cancelled; does nothing without an endpoint."""
        while self.port is not None:
            answers = await asyncio.gather(*(_answered(question) for question in questions.values()))
            self.state.heard(dict(zip(questions, answers, strict=True)))
            await clock.sleep(_ASK_EVERY_SECONDS)


async def _answered(question: Question) -> bool:
    try:
        return await asyncio.wait_for(question(), _ANSWER_SECONDS)
    except TimeoutError:
        return False

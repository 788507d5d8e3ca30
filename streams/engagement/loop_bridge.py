"""Bridge from the counting thread to the worker's event loop, which publishes summaries and dead letters."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from typing import Any, Final

from schemas.facts import EngagementSummary, Failure
from schemas.topics import SIGNALS
from streams.dead_letters.dead_letters import DeadLetters
from streams.engagement.group_wait import GroupWait
from streams.engagement.summaries import ROLE, summary_headers
from streams.kafka.clients import headers_of
from streams.kafka.publisher import Publisher
from streams.lifecycle.clock import Clock
from streams.observability.tracing import spans
from streams.record import Place, Record

_LOOK_SECONDS: Final = 0.2

Refusal = tuple[Any, Failure]
"""A client's message, and why it does not count."""


class LoopBridge:
    """Called from one thread; each call waits until the broker confirms, however long it is unavailable.

    Args:
        loop: of the worker.
        publisher: of the worker.
        dead_letters: dead letters.
        clock: for stamps.
        wait: how long anything took; it ends a wait by raising Stopping or Reassigned.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        publisher: Publisher,
        dead_letters: DeadLetters,
        clock: Clock,
        wait: GroupWait,
    ) -> None:
        self._loop = loop
        self._publisher = publisher
        self._dead_letters = dead_letters
        self._clock = clock
        self._wait = wait

    def publish(self, summaries: list[EngagementSummary]) -> None:
        """Publish summaries to the log of facts."""
        self._wait_for(self._publish(summary) for summary in summaries)

    def refuse(self, refusals: list[Refusal]) -> None:
        """Write a dead letter for each."""
        self._wait_for(
            self._dead_letters.write(record_of_client(message), failure, role=ROLE) for message, failure in refusals
        )

    async def _publish(self, summary: EngagementSummary) -> None:
        with spans.span("engagement summary"):  # starts a trace: it summarises many events
            headers = summary_headers(summary, self._clock.now_unix_seconds())
            await self._publisher.publish(SIGNALS, summary.video_id, summary, headers=headers)

    def _wait_for(self, works: Iterable[Awaitable[None]]) -> None:
        pending = list(works)
        if not pending:
            return
        done = asyncio.run_coroutine_threadsafe(_all(pending), self._loop)
        while True:
            try:
                done.result(_LOOK_SECONDS)
                return
            except NotYet:
                self._stay(done)

    def _stay(self, done: Future[None]) -> None:
        try:
            self._wait.passed(_LOOK_SECONDS)
        except BaseException:
            done.cancel()
            raise


async def _all(works: list[Awaitable[None]]) -> None:
    await asyncio.gather(*works)


def record_of_client(message: Any) -> Record:
    """Copy a message of confluent-kafka."""
    return Record(
        place=Place(message.topic(), message.partition(), message.offset()),
        key=message.key(),
        value=message.value(),
        headers=headers_of(message),
        timestamp_unix_seconds=message.timestamp()[1] / 1000,
        generation=0,
    )

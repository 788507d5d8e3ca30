"""Publishes facts of a changed policy at a limited rate, because live facts wait behind them in the log."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from schemas.codec import event_headers
from schemas.topics import SIGNALS
from streams.lifecycle.clock import Clock
from streams.policy_rollout.policy_evaluation import Evaluation
from streams.store.stored_case import spell
from streams.verdict.publishing import EventPublisher

_SOURCE: Final = "/vidsignal/policy"


class Pace:
    """Limits the rate, also after a pause.

    Args:
        per_second: more than 0.
        clock: provides the time, and waits.
    """

    def __init__(self, per_second: float, clock: Clock) -> None:
        self._gap_seconds = 1.0 / per_second
        self._clock = clock
        self._next_seconds = clock.monotonic_seconds()

    async def turn(self) -> None:
        """Return when the next fact may be published."""
        now_seconds = self._clock.monotonic_seconds()
        due_seconds = max(now_seconds, self._next_seconds)
        self._next_seconds = due_seconds + self._gap_seconds
        if due_seconds > now_seconds:
            await self._clock.sleep(due_seconds - now_seconds)


class PolicyFacts:
    """Publishes facts of a changed policy.

    Args:
        publisher: to the log.
        pace: limits their rate.
    """

    def __init__(self, publisher: EventPublisher, pace: Pace) -> None:
        self._publisher = publisher
        self._pace = pace

    async def send(self, chosen: Sequence[Evaluation]) -> None:
        """Return when the broker has confirmed the facts of all of them."""
        async with asyncio.TaskGroup() as group:
            for found in chosen:
                await self._pace.turn()
                group.create_task(self._publish(found))

    async def _publish(self, found: Evaluation) -> None:
        fact = found.fact
        event_id = f"{fact.video_id}:{spell(found.verdict.version)}:policy:{fact.policy}"
        headers = event_headers(fact, event_id=event_id, source=_SOURCE, now_unix_seconds=fact.event_unix_seconds)
        await self._publisher.publish(SIGNALS, fact.video_id, fact, headers=headers)

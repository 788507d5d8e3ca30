"""The audit that one of the workers runs in the background."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from redis.asyncio import Redis

from streams.kafka.clients import BrokerUnavailable
from streams.lifecycle.clock import Clock
from streams.recovery.audit import Audit
from streams.store.keys import Keys
from streams.store.shared_faults import count_or_raise

_log = structlog.get_logger(__name__)


class PeriodicAudit:
    """Audits and repairs in the background; one worker at a time.

    Args:
        audit: what to run.
        turn: returns whether it is this worker's turn; called before each audit.
        interval_seconds: between two audits.
        clock: for the waits.
    """

    def __init__(
        self, audit: Audit, turn: Callable[[], Awaitable[bool]], interval_seconds: float, clock: Clock
    ) -> None:
        self._audit = audit
        self._turn = turn
        self._interval_seconds = interval_seconds
        self._clock = clock

    async def run(self) -> None:
        """Audit until cancelled."""
        while True:
            await self._clock.sleep(self._interval_seconds)
            if await self._turn():
                await self._once()

    async def _once(self) -> None:
        try:
            audited = await self._audit.run(is_repairing=True)
        except BrokerUnavailable as error:
            _log.warning("audit skipped: broker unavailable", error=str(error))
            return
        except Exception as error:
            count_or_raise(error, "audit")
            _log.exception("audit failed; retrying later")
            return
        _log.info("audit finished", videos=audited.videos, findings=len(audited.findings))
        for line in audited.unreadable.lines():
            _log.error("unreadable records", words=line)


async def take_turn(redis: Redis, keys: Keys, interval_seconds: float) -> bool:
    """Return whether no other worker audited within half an interval; if so, it is this worker's turn."""
    held_seconds = max(1, int(interval_seconds / 2))
    return bool(await redis.set(keys.audit(), "held", nx=True, ex=held_seconds))

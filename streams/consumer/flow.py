"""Delivery of records: one task per assignment, which finds the start positions and then delivers.

Stock Faust uses one task for all assignments. That task ends for good, without a log line, if one seek takes longer
than a request may take (`mode` reports a timeout as "stopped", and `faust.tables.recovery` accepts that), or if
something below it is cancelled. The consumer then keeps its partitions and heartbeats, and reads nothing from any later
assignment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from streams.delivery.committable_offsets import Partition
from streams.lifecycle.backoff import Backoff
from streams.lifecycle.cancellation import was_cancelled

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Grant:
    """Partitions that the group assigned to this member, possibly none."""

    partitions: frozenset[Partition]
    generation: int


class ConsumingRefused(Exception):
    """Reading cannot start, and a retry does not help."""


@dataclass(frozen=True, slots=True)
class FlowSteps:
    """The steps of a flow for one grant."""

    prepare: Callable[[Grant], Awaitable[None]]
    """Finds the start positions and seeks there; may be repeated. Raises ConsumingRefused."""
    hand_out: Callable[[Grant], Awaitable[None]]
    """Delivers records until it is cancelled."""
    changed: Callable[[bool], None]
    """Called with whether records are delivered from now on."""
    failed: Callable[[Exception], None]
    """Called with the error that ended the delivery, or with the refusal."""


class Flow:
    """Serves the newest grant, even if the previous one was interrupted.

    Args:
        steps: what to do.
        attempt_seconds: time limit of one preparation, which is then started again.
        backoff: waits between preparations.
    """

    def __init__(self, steps: FlowSteps, attempt_seconds: float = 30.0, backoff: Backoff | None = None) -> None:
        self._steps = steps
        self._attempt_seconds = attempt_seconds
        self._backoff = backoff or Backoff(first_seconds=0.1, limit_seconds=5.0)
        self._grant: Grant | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_on = self._is_refused = False

    @property
    def grant(self) -> Grant | None:
        """The served grant; None between assignments."""
        return self._grant

    def require_served(self, grant: Grant) -> None:
        """Check after every wait of a step, before it changes anything.

        Before Python 3.12 `asyncio.wait_for` swallows a cancellation that arrives just when the awaited call is done,
        and the Redis client sends every command through it. So the task of an earlier grant may go on next to that of
        the newest one.

        Raises:
            CancelledError: another grant is served, or none.
        """
        if self._grant is not grant:
            raise asyncio.CancelledError

    @property
    def is_on(self) -> bool:
        """Whether records are delivered."""
        return self._is_on

    @property
    def is_cut_off(self) -> bool:
        """Whether the serving of a valid grant ended, for a reason other than a refusal."""
        has_ended = self._task is None or self._task.done()
        return self._grant is not None and has_ended and not self._is_refused

    def begin(self, grant: Grant) -> None:
        """Serve this grant instead of the previous one."""
        self.end()
        self._grant, self._is_refused = grant, False
        self._task = asyncio.get_running_loop().create_task(self._serve(grant))

    def end(self) -> None:
        """Stop delivering: no record of the grant is delivered after this returns."""
        self._grant = None
        self._turn(is_on=False)
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _serve(self, grant: Grant) -> None:
        try:
            await self._prepared(grant)
            self.require_served(grant)
            self._turn(is_on=True)
            await self._steps.hand_out(grant)
        except Exception as error:
            self._is_refused = isinstance(error, ConsumingRefused)
            self._steps.failed(error)
        finally:
            if self._grant is grant:
                self._turn(is_on=False)

    async def _prepared(self, grant: Grant) -> None:
        """Prepare until it succeeds: a preparation that fails, hangs or is cancelled is started again."""
        for delay_seconds in self._backoff.delays():
            try:
                async with asyncio.timeout(self._attempt_seconds):
                    await self._steps.prepare(grant)
            except ConsumingRefused:
                raise
            except (Exception, asyncio.CancelledError) as error:
                if was_cancelled():
                    raise
                _log.warning(
                    "cannot start to read partitions; retrying", error=repr(error), generation=grant.generation
                )
                await asyncio.sleep(delay_seconds)
            else:
                return

    def _turn(self, *, is_on: bool) -> None:
        if is_on is not self._is_on:
            self._is_on = is_on
            self._steps.changed(is_on)

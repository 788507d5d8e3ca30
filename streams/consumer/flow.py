"""Whether records may be handed out: one task an assignment, which finds where to read on and then hands out.

Stock Faust does this in a task that serves every assignment after the other. That task ends for good, without a word,
where one seek takes longer than a request may (`mode` reports a timeout as "stopped", and `faust.tables.recovery`
believes it) or where something below it is cancelled. The consumer then keeps its partitions and its heartbeats, and
reads nothing, whatever is assigned later.
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
    """Partitions that the group gave to this member, perhaps none."""

    partitions: frozenset[Partition]
    generation: int


class ConsumingRefused(Exception):
    """Reading cannot begin, and trying again does not help."""


@dataclass(frozen=True, slots=True)
class FlowSteps:
    """What a flow does with a grant."""

    prepare: Callable[[Grant], Awaitable[None]]
    """Finds where to read on and seeks there; harmless when repeated. Raises ConsumingRefused."""
    hand_out: Callable[[Grant], Awaitable[None]]
    """Hands records out until it is cancelled."""
    changed: Callable[[bool], None]
    """Told whether records are handed out from now on."""
    failed: Callable[[Exception], None]
    """Told what ended the handing out, or that consuming is refused."""


class Flow:
    """Serves the newest grant, whatever cut off the one before.

    Args:
        steps: what to do.
        attempt_seconds: after which a preparation is given up and begun again.
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
        """What is served; None between assignments."""
        return self._grant

    @property
    def is_on(self) -> bool:
        """Whether records are handed out."""
        return self._is_on

    @property
    def is_cut_off(self) -> bool:
        """Whether something ended the serving of a grant that still stands, and that was no refusal."""
        has_ended = self._task is None or self._task.done()
        return self._grant is not None and has_ended and not self._is_refused

    def begin(self, grant: Grant) -> None:
        """Serve this grant, and no other any more."""
        self.end()
        self._grant, self._is_refused = grant, False
        self._task = asyncio.get_running_loop().create_task(self._serve(grant))

    def end(self) -> None:
        """Hand out nothing more: no record of the grant is handed out after this returns."""
        self._grant = None
        self._turn(is_on=False)
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _serve(self, grant: Grant) -> None:
        try:
            await self._prepared(grant)
            self._turn(is_on=True)
            await self._steps.hand_out(grant)
        except Exception as error:
            self._is_refused = isinstance(error, ConsumingRefused)
            self._steps.failed(error)
        finally:
            if self._grant is grant:
                self._turn(is_on=False)

    async def _prepared(self, grant: Grant) -> None:
        """Prepare until it is done: what fails, hangs or is cancelled below is begun again."""
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

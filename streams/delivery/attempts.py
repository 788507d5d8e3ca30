"""Crash loops: counts in Redis how often work on an event ended with the death of its process.

A process that dies takes down everything in flight, and usually one event is the cause. So an event that was in flight
too often runs exclusively. It is given up if the process then dies twice by itself: the parent process survives and
reports this (`streams.lifecycle.parent`). A kill from outside hits parent and worker together and says nothing about
the event; however often that happens, the event is tried again. If the OOM killer ends both at once, the kernel's own
count rises, and four such deaths are sufficient. For reasons and limits see `docs/decisions`, 0018.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog
from redis.asyncio import Redis

from streams.delivery.memory_killer import MemoryKills, memory_kills
from streams.lifecycle.exclusive_board import ExclusiveBoard
from streams.lifecycle.own_deaths import OwnDeaths
from streams.record import Place
from streams.store.key_repair import ATTEMPTS, repaired
from streams.store.keys import Keys
from streams.store.scripts import script_text

UNCLEAN_ENDS_BEFORE_EXCLUSIVE: Final = 3
"""With the deaths as the exclusive event, at most seven; see `streams.lifecycle.own_deaths`."""
_log = structlog.get_logger(__name__)

_KEPT_SECONDS: Final = 7 * 86_400
"""As long as uploads are kept; a clean end removes the count at once."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is known of an event when work on it starts."""

    unclean_ends: int
    exclusive_deaths: int
    """Deaths of the worker by itself, with this event exclusive."""
    exclusive_memory_deaths: int = 0
    """Deaths of worker and parent at once, while the OOM killer killed some process on this machine."""

    @property
    def must_run_exclusively(self) -> bool:
        """Whether the event was in flight too often when a process died."""
        return self.unclean_ends >= UNCLEAN_ENDS_BEFORE_EXCLUSIVE

    @property
    def is_hopeless(self) -> bool:
        """Whether the event ended its process as the exclusive event."""
        return OwnDeaths(self.exclusive_deaths, self.exclusive_memory_deaths).is_enough


class Attempts:
    """Attempt counts of all events in progress.

    Args:
        redis: answers in bytes or in text.
        keys: names under the stack's prefix.
        board: read by the parent process; None without a parent. Then every death with an exclusive event counts
            against that event.
        kills: reads the kernel's OOM count.
        name_key: returns the key of an event's count by topic, partition and offset; roles that read one topic count
            separately.
        exclusive_turn: shared with the other roles of the process: an exclusive event is the only one in it.
        longest_wait_seconds: how long a start waits for the store before it is not counted; None waits forever. For
            roles with events that need no store: intake passes deletions on while the store is unavailable.
    """

    def __init__(
        self,
        redis: Redis,
        keys: Keys,
        board: ExclusiveBoard | None = None,
        kills: Callable[[], MemoryKills] = memory_kills,
        *,
        name_key: Callable[[str, int, int], str] | None = None,
        exclusive_turn: asyncio.Lock | None = None,
        longest_wait_seconds: float | None = None,
    ) -> None:
        self._longest_wait_seconds = longest_wait_seconds
        self._name_key = name_key or keys.attempts
        self._exclusive_turn = exclusive_turn or asyncio.Lock()
        self._holds_turn: Place | None = None
        self._redis = redis
        self._board = board
        self._kills = kills
        self._begin = redis.register_script(script_text("attempt_begin"))
        self._exclusive = redis.register_script(script_text("attempt_alone"))
        self._withdraw = redis.register_script(script_text("attempt_withdraw"))
        self._died = redis.register_script(script_text("attempt_died"))

    async def begin(self, place: Place) -> Attempt:
        """Count a start, and return how earlier ones ended; nothing is known if the store is unavailable for too
        long."""
        try:
            async with asyncio.timeout(self._longest_wait_seconds):
                return await self._count(place)
        except TimeoutError:
            _log.warning("redis unavailable; event start not counted", place=place)
            return Attempt(unclean_ends=0, exclusive_deaths=0)

    async def _count(self, place: Place) -> Attempt:
        kills = self._kills()
        arguments: list[Any] = [_KEPT_SECONDS, kills.boot_id, kills.count]
        started, died, starved = await self._repaired(
            place, lambda: self._begin(keys=[self._key(place)], args=arguments)
        )
        return Attempt(unclean_ends=started - 1, exclusive_deaths=died, exclusive_memory_deaths=starved)

    async def take_turn(self, place: Place) -> None:
        """Wait until no other role has an exclusive event; the turn lasts until `end` or `withdraw`."""
        await self._exclusive_turn.acquire()
        self._holds_turn = place

    async def begin_exclusively(self, place: Place) -> None:
        """Count an exclusive start of this event, once it has the turn."""
        if self._holds_turn != place:
            await self.take_turn(place)
        key, kills = self._key(place), self._kills()
        arguments: list[Any] = [_KEPT_SECONDS, kills.boot_id, kills.count, self._counted_beforehand]
        await self._repaired(place, lambda: self._exclusive(keys=[key], args=arguments))
        if self._board is not None:
            self._board.add(key)

    async def end(self, place: Place) -> None:
        """Remove the counts of an answered event."""
        self._take_down(place)
        await self._redis.delete(self._key(place))

    async def withdraw(self, place: Place, *, was_exclusive: bool) -> None:
        """Undo this start of an event that was put back in an orderly way."""
        self._take_down(place)
        arguments = [int(was_exclusive), int(was_exclusive) * self._counted_beforehand]
        await self._repaired(place, lambda: self._withdraw(keys=[self._key(place)], args=arguments))

    async def note_death(self, key: str) -> None:
        """Count that the process died by itself during the exclusive event; `key` is the content of its board."""
        await repaired(self._redis, {key: ATTEMPTS}, lambda: self._died(keys=[key]))

    @property
    def _counted_beforehand(self) -> int:
        return 1 if self._board is None else 0

    async def _repaired(self, place: Place, call: Callable[[], Awaitable[Any]]) -> Any:
        """Run the call again after removing a count that is not a number."""
        return await repaired(self._redis, {self._key(place): ATTEMPTS}, call)

    def _take_down(self, place: Place) -> None:
        if self._board is not None:
            self._board.remove(self._key(place))
        if self._holds_turn == place:
            self._holds_turn = None
            self._exclusive_turn.release()

    def _key(self, place: Place) -> str:
        return self._name_key(place.topic, place.partition, place.offset)

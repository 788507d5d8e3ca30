"""Crash loops: how often work on an event ended with the process, kept where a dead process cannot lose it.

A process that dies takes everything down that was in flight, and mostly one event is to blame. So an event that was
there too often runs alone. It is given up where the process then dies by itself, twice: its parent process outlives it
and says so (`streams.lifecycle.parent`). A kill from outside reaches parent and worker together, and says nothing of
the event; however often that happens, the event is tried again. Where the kernel's memory killer ends both at once, its
own count rises, and four such deaths are enough. Why, and what cannot be told apart: `docs/decisions`, 0018.
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
from streams.record import Place
from streams.store.key_repair import ATTEMPTS, mended
from streams.store.keys import Keys
from streams.store.scripts import script_text

UNCLEAN_ENDS_BEFORE_ALONE: Final = 3
DEATHS_ALONE_BEFORE_GIVING_UP: Final = 2
"""Of the worker by itself."""
UNSURE_DEATHS_BEFORE_GIVING_UP: Final = 4
"""Those included that the memory killer may have caused: with the unclean ends before, seven at most."""
_log = structlog.get_logger(__name__)

_KEPT_SECONDS: Final = 7 * 86_400
"""As long as uploads are kept; a clean end removes the count at once."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is known of an event at the start of work on it."""

    unclean_ends: int
    deaths_alone: int
    """By itself, with nothing else running."""
    memory_deaths_alone: int = 0
    """Of worker and parent at once, while the kernel killed somebody on this machine for want of memory."""

    @property
    def has_to_run_alone(self) -> bool:
        """It was there too often when a process died."""
        return self.unclean_ends >= UNCLEAN_ENDS_BEFORE_ALONE

    @property
    def is_hopeless(self) -> bool:
        """It killed its process with nothing else running."""
        num_deaths = self.deaths_alone + self.memory_deaths_alone
        return self.deaths_alone >= DEATHS_ALONE_BEFORE_GIVING_UP or num_deaths >= UNSURE_DEATHS_BEFORE_GIVING_UP


class Attempts:
    """Counts of all events that are being worked on.

    Args:
        redis: answers in bytes or in text.
        keys: names under the stack's prefix.
        board: read by the parent process of this one; None where it has none. Then every end of the process alone with
            an event counts against that event, as nobody could say otherwise.
        kills: asks the kernel.
        name_key: names the count of an event by topic, partition and offset; roles that read one topic count apart.
        alone_turn: shared with the other roles of the process: whatever runs alone is alone in all of it.
        longest_wait_seconds: for the store, before a start goes uncounted; None waits forever. For roles with events
            that need no store: intake passes deletions on while it is unavailable.
    """

    def __init__(
        self,
        redis: Redis,
        keys: Keys,
        board: ExclusiveBoard | None = None,
        kills: Callable[[], MemoryKills] = memory_kills,
        *,
        name_key: Callable[[str, int, int], str] | None = None,
        alone_turn: asyncio.Lock | None = None,
        longest_wait_seconds: float | None = None,
    ) -> None:
        self._longest_wait_seconds = longest_wait_seconds
        self._name_key = name_key or keys.attempts
        self._alone_turn = alone_turn or asyncio.Lock()
        self._holds_turn: Place | None = None
        self._redis = redis
        self._board = board
        self._kills = kills
        self._begin = redis.register_script(script_text("attempt_begin"))
        self._alone = redis.register_script(script_text("attempt_alone"))
        self._withdraw = redis.register_script(script_text("attempt_withdraw"))
        self._died = redis.register_script(script_text("attempt_died"))

    async def begin(self, place: Place) -> Attempt:
        """Count a start, and say how earlier ones ended; nothing is known of them where the store is not waited for."""
        try:
            async with asyncio.timeout(self._longest_wait_seconds):
                return await self._count(place)
        except TimeoutError:
            _log.warning("redis unavailable; event start not counted", place=place)
            return Attempt(unclean_ends=0, deaths_alone=0)

    async def _count(self, place: Place) -> Attempt:
        kills = self._kills()
        arguments: list[Any] = [_KEPT_SECONDS, kills.boot_id, kills.count]
        started, died, starved = await self._mended(place, lambda: self._begin(keys=[self._key(place)], args=arguments))
        return Attempt(unclean_ends=started - 1, deaths_alone=died, memory_deaths_alone=starved)

    async def take_turn(self, place: Place) -> None:
        """Wait until no other role has an event that runs alone; until `end` or `withdraw` none has."""
        await self._alone_turn.acquire()
        self._holds_turn = place

    async def begin_alone(self, place: Place) -> None:
        """Count that this event runs alone, once it is its turn."""
        if self._holds_turn != place:
            await self.take_turn(place)
        key, kills = self._key(place), self._kills()
        arguments: list[Any] = [_KEPT_SECONDS, kills.boot_id, kills.count, self._counted_beforehand]
        await self._mended(place, lambda: self._alone(keys=[key], args=arguments))
        if self._board is not None:
            self._board.add(key)

    async def end(self, place: Place) -> None:
        """The event was answered: forget it."""
        self._take_down(place)
        await self._redis.delete(self._key(place))

    async def withdraw(self, place: Place, *, was_exclusive: bool) -> None:
        """The event was put back in an orderly way: this start counts for nothing."""
        self._take_down(place)
        arguments = [int(was_exclusive), int(was_exclusive) * self._counted_beforehand]
        await self._mended(place, lambda: self._withdraw(keys=[self._key(place)], args=arguments))

    async def note_death(self, key: str) -> None:
        """The process that ran this alone died by itself; `key` is what stood on its board."""
        await mended(self._redis, {key: ATTEMPTS}, lambda: self._died(keys=[key]))

    async def note_own_death(self, place: Place) -> int:
        """The process died by itself over an event that is not begun anywhere; return how often by now."""
        attempt = await self.begin(place)
        await self.note_death(self._key(place))
        return attempt.deaths_alone + 1

    @property
    def _counted_beforehand(self) -> int:
        return 1 if self._board is None else 0

    async def _mended(self, place: Place, call: Callable[[], Awaitable[Any]]) -> Any:
        """Counts that are none begin again."""
        return await mended(self._redis, {self._key(place): ATTEMPTS}, call)

    def _take_down(self, place: Place) -> None:
        if self._board is not None:
            self._board.remove(self._key(place))
        if self._holds_turn == place:
            self._holds_turn = None
            self._alone_turn.release()

    def _key(self, place: Place) -> str:
        return self._name_key(place.topic, place.partition, place.offset)

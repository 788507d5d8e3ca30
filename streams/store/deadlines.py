"""Registered deadlines: one sorted set by due time.

A worker that claims an entry moves its time some seconds into the future, so that no other worker finds it meanwhile.
The original due time is then lost; code that needs it reads the video's state.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from redis.asyncio import Redis

from streams.store.key_repair import SORTED_SET, repaired, tell_removed
from streams.store.keys import Keys
from streams.store.scripts import script_text

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Deadline:
    """The time at which the decision budget of a revision ends, or the end of a claim to it."""

    video_id: str
    revision: int
    due_unix_seconds: float


class Deadlines:
    """Registers, lists and removes deadlines; each call may be repeated.

    Args:
        redis: the store.
        keys: names under the stack's prefix.
        name: of the sorted set, for other kinds of due times.
    """

    def __init__(self, redis: Redis, keys: Keys, name: str | None = None) -> None:
        self._redis = redis
        self._key = name or keys.deadlines()
        self._remove = redis.register_script(script_text("deadline"))
        self._claim = redis.register_script(script_text("due"))
        self._renew = redis.register_script(script_text("renew"))

    async def register(self, deadline: Deadline) -> None:
        """Register it; a repetition never postpones a registered deadline."""
        await self._repaired(
            lambda: self._redis.zadd(self._key, {_member(deadline): deadline.due_unix_seconds}, lt=True)
        )

    async def register_once(self, deadline: Deadline) -> None:
        """Register it unless it is registered already, for any time."""
        await self._repaired(
            lambda: self._redis.zadd(self._key, {_member(deadline): deadline.due_unix_seconds}, nx=True)
        )

    async def postpone(self, deadline: Deadline) -> None:
        """Register it for a time that may be later than before."""
        await self._repaired(lambda: self._redis.zadd(self._key, {_member(deadline): deadline.due_unix_seconds}))

    async def claim(self, now_unix_seconds: float, *, seconds: float, limit: int) -> tuple[Deadline, ...]:
        """Claim at most `limit` due deadlines, the oldest first; for `seconds` no other worker finds them.

        Their due time is the end of the claim.
        """
        until = now_unix_seconds + seconds
        arguments: list[str | int] = [repr(now_unix_seconds), repr(until), limit]
        members: Any = await self._repaired(lambda: self._claim(keys=[self._key], args=arguments))
        return await self._readable((member, until) for member in members)

    async def renew(self, claimed: Deadline, until_unix_seconds: float) -> bool:
        """Extend a claim; False if the entry was removed, or registered for another time meanwhile."""
        asked = [_member(claimed), repr(claimed.due_unix_seconds), repr(until_unix_seconds)]
        return bool(await self._repaired(lambda: self._renew(keys=[self._key], args=asked)))

    async def drop(self, video_id: str, revision: int) -> None:
        """Remove it, for any time."""
        await self._repaired(lambda: self._redis.zrem(self._key, f"{revision}|{video_id}"))

    async def count(self) -> int:
        """Return the number of registered deadlines."""
        return int(await self._repaired(lambda: self._redis.zcard(self._key)))

    async def due(self, now_unix_seconds: float, *, limit: int) -> tuple[Deadline, ...]:
        """Return at most `limit` due deadlines that nobody has claimed, the oldest first."""
        entries: Any = await self._repaired(
            lambda: self._redis.zrange(
                self._key, "-inf", repr(now_unix_seconds), byscore=True, offset=0, num=limit, withscores=True
            )
        )
        return await self._readable((member, float(score)) for member, score in entries)

    async def remove(self, deadline: Deadline) -> bool:
        """Remove it if it is still registered for the same time; return whether it was."""
        arguments = [_member(deadline), repr(deadline.due_unix_seconds)]
        return bool(await self._repaired(lambda: self._remove(keys=[self._key], args=arguments)))

    async def _repaired(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """Remove a set of another type and call again; an audit registers what is due."""
        return await repaired(self._redis, {self._key: SORTED_SET}, call)

    async def _readable(self, entries: Iterable[tuple[bytes | str, float]]) -> tuple[Deadline, ...]:
        """Return valid entries; invalid ones are removed, because every query would find them first."""
        found: list[Deadline] = []
        for member, due_unix_seconds in entries:
            deadline = _deadline(member, due_unix_seconds)
            if deadline is None:
                await self._redis.zrem(self._key, member)
                tell_removed([self._key], f"an entry is none of ours: {member!r}")
            else:
                found.append(deadline)
        return tuple(found)


def _member(deadline: Deadline) -> str:
    return f"{deadline.revision}|{deadline.video_id}"


def _deadline(member: bytes | str, due_unix_seconds: float) -> Deadline | None:
    text = member.decode("utf-8", "replace") if isinstance(member, bytes) else member
    revision, _, video_id = text.partition("|")
    if not (revision.isascii() and revision.isdigit() and video_id):
        return None
    return Deadline(video_id=video_id, revision=int(revision), due_unix_seconds=due_unix_seconds)

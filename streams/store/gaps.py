"""Gaps: videos of which a fact could not be folded, so that later facts wait in the log until all are folded again.

A gap keeps the fold off its video: `fold.lua` writes nothing while it stands, and what closes it is a state that was
folded from the log and holds every fact that waits. Facts that wait are not copied; the log has them.

Each gap has a mark in one sorted set, by when the log is read for it again. The mark is written first, so a gap without
a mark is left only by a store that lost it; the next fact of the video writes it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from streams import metrics
from streams.store.deadlines import Deadline, Deadlines
from streams.store.keys import Keys
from streams.store.mending import STATUS, STRING, is_of_a_key, mended
from streams.store.scripts import script_text

GapCause = Literal[
    "unreadable-state",  # what Redis has as the video's state is none
    "internal-error",  # folding one of its facts fails
    "crash-loop",  # folding one of its facts ends the process
    "newer-fact",  # a newer release wrote one of its facts
]
GAP_CAUSES: Final[tuple[GapCause, ...]] = ("unreadable-state", "internal-error", "crash-loop", "newer-fact")
LOOK_AGAIN_SECONDS: Final = 60.0
"""After the first refold that failed, and between two looks at a gap that only a newer release can close."""
_LONGEST_MESSAGE: Final = 500


@dataclass(frozen=True, slots=True)
class WaitingFact:
    """A fact that cannot be folded now."""

    video_id: str
    partition: int
    log_generation: int
    offset: int
    cause: GapCause
    message: str
    kind: str = ""
    """Of a newer fact, as far as it can be read."""
    type: str = ""
    """CloudEvents type of a newer fact."""
    is_deletion: bool = False


@dataclass(frozen=True, slots=True)
class Gap:
    """Why facts of a video wait. What cannot be read of it is empty or 0."""

    cause: str
    message: str
    partition: int
    log_generation: int
    first_offset: int
    waiting_offset: int
    """Of the last fact that waits."""
    since_unix_seconds: float
    num_refolds: int
    """That failed under `release`."""
    release: str
    """Which tried last."""
    kind: str
    type: str
    is_deletion_waiting: bool


class Gaps:
    """Opens, reads and closes gaps; every call may be repeated.

    Args:
        redis: the store.
        keys: names under the stack's prefix.
        release: version of this process.
    """

    def __init__(self, redis: Redis, keys: Keys, release: str) -> None:
        self._redis = redis
        self._keys = keys
        self.release = release
        self.marks = Deadlines(redis, keys, keys.gaps())
        """Partition as revision."""
        self._open = redis.register_script(script_text("gap"))
        self._note = redis.register_script(script_text("gap_note"))
        self._close = redis.register_script(script_text("gap_close"))
        self._said = redis.register_script(script_text("gap_said"))

    async def wait(self, fact: WaitingFact, now_unix_seconds: float) -> bool:
        """Let a fact wait; return whether it opened the gap."""
        mark = Deadline(fact.video_id, fact.partition, now_unix_seconds + LOOK_AGAIN_SECONDS)
        await self.marks.register_once(
            mark
        )  # one that is claimed, or put off after a refold that failed, stays as it is
        arguments = (
            fact.cause, fact.message[:_LONGEST_MESSAGE], fact.partition, fact.log_generation, fact.offset,
            repr(now_unix_seconds), self.release, fact.kind, fact.type, int(fact.is_deletion),
        )  # fmt: skip
        is_opened = bool(await self._open(keys=self._names(fact.video_id), args=arguments))
        if is_opened or fact.is_deletion:
            await self.marks.register(Deadline(fact.video_id, fact.partition, now_unix_seconds))
        if is_opened:
            metrics.GAPS_OPENED.labels(fact.cause).inc()
        return is_opened

    async def read(self, video_id: str) -> Gap | None:
        """The gap of a video; None where its facts are folded."""
        try:
            fields: Any = await self._redis.hgetall(self._keys.gap(video_id))
        except ResponseError as error:
            if not is_of_a_key(error):
                raise
            # Facts wait all the same: it goes when the log was folded again, and not before.
            return _gap({"message": f"the gap itself cannot be read: {error}"})
        return _gap(fields) if fields else None

    async def note(self, video_id: str, **fields: str | int) -> None:
        """Change fields of a gap that stands."""
        arguments = [part for field in fields.items() for part in field]
        await self._note(keys=self._names(video_id), args=arguments)

    async def say(self, video_id: str, verdict: bytes, status: Mapping[str, Any]) -> bool:
        """Serve what holds meanwhile; False where the gap was closed."""
        names = [*self._names(video_id), self._keys.verdict(video_id)]
        arguments = [verdict, *(part for field in status.items() for part in field)]
        return bool(await self._said(keys=names, args=arguments))

    async def said(self, video_id: str) -> tuple[Mapping[bytes, bytes], bytes | None]:
        """Status and verdict as readers find them; empty where a key is of another type."""
        status, verdict = self._keys.status(video_id), self._keys.verdict(video_id)
        fields: Any = await mended(self._redis, {status: STATUS}, lambda: self._redis.hgetall(status))
        value: Any = await mended(self._redis, {verdict: STRING}, lambda: self._redis.get(verdict))
        return fields, value

    async def hide(self, video_id: str) -> None:
        """Take away what readers find of a video whose deletion waits; a newer revision may need the claims."""
        keys = self._keys
        served = (keys.verdict, keys.features, keys.embeddings, keys.engagement)
        await self._redis.delete(*(key(video_id) for key in served))

    async def close_empty(self, video_id: str, log_generation: int, seen_offset: int) -> bool:
        """Close the gap of a video of which the log has nothing that makes a state; False where a later fact waits."""
        names = [key(video_id) for key in (self._keys.gap, self._keys.state, self._keys.status)]
        return bool(await self._close(keys=names, args=[log_generation, seen_offset]))

    def _names(self, video_id: str) -> list[str]:
        return [self._keys.gap(video_id), self._keys.status(video_id)]


def _gap(fields: Mapping[Any, Any]) -> Gap:
    found = {_text(name): _text(value) for name, value in fields.items()}
    return Gap(
        cause=found.get("cause", "internal-error"),
        message=found.get("message", ""),
        partition=_number(found.get("partition")),
        log_generation=_number(found.get("log_generation")),
        first_offset=_number(found.get("first_offset")),
        waiting_offset=_number(found.get("waiting_offset")),
        since_unix_seconds=_seconds(found.get("since_unix_seconds")),
        num_refolds=_number(found.get("refolds")),
        release=found.get("release", ""),
        kind=found.get("kind", ""),
        type=found.get("type", ""),
        is_deletion_waiting=found.get("deletion_waits") == "1",
    )


def _number(value: str | None) -> int:
    return int(value) if value is not None and value.isascii() and value.isdigit() else 0


def _seconds(value: str | None) -> float:
    try:
        return float(value or 0.0)
    except ValueError:
        return 0.0


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value

"""Gaps: videos with a fact that could not be folded, so that later facts wait in the log until all are refolded.

While a video has a gap, its facts are not folded: `fold.lua` writes nothing. A gap is closed by a state that was folded
from the log and contains every waiting fact. Waiting facts are not copied, because the log has them.

One sorted set contains an entry for each gap, by the time of the next refold. The entry is written first, so a gap
without an entry exists only if Redis lost the entry; the next fact of the video writes it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from msgspec.structs import replace
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from schemas.codec import encode
from schemas.facts import Deleted, Failure
from streams.lifecycle.fold_board import FoldedFact
from streams.observability import metrics
from streams.store.deadlines import Deadline, Deadlines
from streams.store.deletion_reach import Hidden, decode_verdict, hidden_by, joined_deletion, reach_of, reading_of
from streams.store.gap import OWED, REFOLDS_OF, Gap, GapCause, gap_of, text_of
from streams.store.key_repair import DELETION_MARKER, STATUS, STRING, is_of_a_key, repaired
from streams.store.keys import Keys
from streams.store.outcomes import DEFAULT_DELETION_MARKER_TTL_SECONDS
from streams.store.scripts import script_text

LOOK_AGAIN_SECONDS: Final = 60.0
"""Time after the first failed refold, and between two checks of a gap that only a newer release can close."""
_HIDDEN: Final = 1
_UNREAD: Final = b"?"
"""Stored if a deletion waits that cannot be read."""
_LONGEST_MESSAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Said:
    """What readers get of a video while its facts wait."""

    version: str
    verdict: bytes
    status: Mapping[str, Any]


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
    """Kind of a newer fact, if it can be read."""
    type: str = ""
    """CloudEvents type of a newer fact."""
    deletion: Deleted | None = None
    """The fact itself if it is a deletion."""
    is_unread_deletion: bool = False
    """Whether it is a deletion that only a newer release can read."""
    owed: Failure | None = None
    """If the fact was given up, why: its dead letter is written after the gap, by `FoldBoundary`."""


class Gaps:
    """Opens, reads and closes gaps; every call may be repeated.

    Args:
        redis: the store.
        keys: names under the stack's prefix.
        release: version of this process.
        deletion_marker_ttl_seconds: how long a deletion marker is kept.
    """

    def __init__(
        self,
        redis: Redis,
        keys: Keys,
        release: str,
        deletion_marker_ttl_seconds: float = DEFAULT_DELETION_MARKER_TTL_SECONDS,
    ) -> None:
        self._deletion_marker_ttl_seconds = int(deletion_marker_ttl_seconds)
        self._redis = redis
        self._keys = keys
        self.release = release
        self.marks = Deadlines(redis, keys, keys.gaps())
        """Due times of refolds; the partition takes the place of the revision."""
        self._open = redis.register_script(script_text("gap"))
        self._note = redis.register_script(script_text("gap_note"))
        self._close = redis.register_script(script_text("gap_close"))
        self._said = redis.register_script(script_text("gap_said"))
        self._told = redis.register_script(script_text("gap_told"))
        self._hide = redis.register_script(script_text("gap_hide"))

    async def wait(self, fact: WaitingFact, now_unix_seconds: float) -> bool:
        """Note a waiting fact; return whether it opened the gap."""
        mark = Deadline(fact.video_id, fact.partition, now_unix_seconds + LOOK_AGAIN_SECONDS)
        await self.marks.register_once(
            mark
        )  # an entry that is claimed, or postponed after a failed refold, stays unchanged
        arguments = (
            fact.cause, fact.message[:_LONGEST_MESSAGE], fact.partition, fact.log_generation, fact.offset,
            repr(now_unix_seconds), self.release, fact.kind, fact.type, await self._waiting_deletion(fact),
            _owed(fact.owed),
        )  # fmt: skip
        is_opened = bool(await self._open(keys=self._names(fact.video_id), args=arguments))
        if is_opened or fact.deletion or fact.is_unread_deletion:
            await self.marks.register(Deadline(fact.video_id, fact.partition, now_unix_seconds))
        if is_opened:
            metrics.GAPS_OPENED.labels(fact.cause).inc()
        return is_opened

    async def _waiting_deletion(self, fact: WaitingFact) -> bytes:
        """All deletions that wait, as one; empty where this fact is none."""
        if fact.deletion is None:
            return _UNREAD if fact.is_unread_deletion else b""
        gap = await self.read(fact.video_id)
        if gap is not None and gap.is_deletion_waiting and gap.deletion is None:
            return _UNREAD
        return encode(joined_deletion(gap.deletion if gap else None, fact.deletion))

    async def wait_for_release(
        self,
        fact: FoldedFact,
        who: str,
        deaths: int,
        now_unix_seconds: float,
        deletion: Deleted | None = None,
        *,
        is_unread_deletion: bool = False,
    ) -> None:
        """Let a fact wait that ended the process which folded it: only another release folds its video again.

        Args:
            fact: it.
            who: died over it, for people.
            deaths: their number.
            now_unix_seconds: when that is noted.
            deletion: that waits with it, where one is known.
            is_unread_deletion: whether one waits with it that only a newer release can read.
        """
        message = f"{who} died {deaths} times by itself while it folded offset {fact.place.offset}"
        place = fact.place
        waiting = WaitingFact(
            fact.video_id, place.partition, fact.log_generation, place.offset, "crash-loop", message, deletion=deletion,
            is_unread_deletion=is_unread_deletion, owed=Failure(cause="crash-loop", message=message),
        )  # fmt: skip
        await self.wait(waiting, now_unix_seconds)
        gap = await self.read(fact.video_id)
        died = {*(gap.died_releases | gap.deadly_releases if gap else ()), self.release}
        await self.note(
            fact.video_id, cause=waiting.cause, message=message, release=self.release, died=",".join(sorted(died))
        )

    async def note_written(self, video_id: str, offset: int) -> None:
        """Note that the dead letter of a waiting fact is written."""
        await self._redis.hdel(self._keys.gap(video_id), f"{OWED}{offset}")

    async def deadly_videos(self, *, of_any_release: bool) -> frozenset[str]:
        """Return videos over which processes died; those of another release may be folded if a death would be
        recorded."""
        marks = await self.marks.due(float("inf"), limit=-1)
        found = [(mark.video_id, await self.read(mark.video_id)) for mark in marks]
        return frozenset(
            video_id
            for video_id, gap in found
            if gap is not None and gap.cause == "crash-loop" and (of_any_release or self.release in gap.deadly_releases)
        )

    async def read(self, video_id: str) -> Gap | None:
        """Return the gap of a video; None without one."""
        try:
            fields: Any = await self._redis.hgetall(self._keys.gap(video_id))
        except ResponseError as error:
            if not is_of_a_key(error):
                raise
            # Facts wait in any case: the gap is removed only by a refold.
            return gap_of({"message": f"the gap itself cannot be read: {error}"})
        return gap_of(fields) if fields else None

    async def note_refolds(self, video_id: str, number: int, **fields: str) -> None:
        """Note how many refolds failed under this release, and change other fields."""
        await self.note(video_id, refolds=number, **{f"{REFOLDS_OF}{self.release}": number}, **fields)

    async def note(self, video_id: str, **fields: str | int | bytes) -> None:
        """Change fields of an existing gap."""
        arguments = [part for entry in fields.items() for part in entry]
        await self._note(keys=self._names(video_id), args=arguments)

    async def say(self, video_id: str, gap: Gap, known: tuple[Mapping[bytes, bytes], bytes | None], said: Said) -> bool:
        """Serve what holds meanwhile; False where gap, status or verdict are others than they were, or where a deletion
        waits that reaches it.

        Args:
            video_id: of the video.
            gap: as it was read.
            known: status and verdict as they were read.
            said: what to serve.
        """
        deletion_marker = self._keys.deletion_marker(video_id)
        names = [*self._names(video_id), self._keys.verdict(video_id), deletion_marker]
        fields = [part for entry in said.status.items() for part in entry]
        arguments = [gap.log_generation, gap.first_offset, *_compared(known), said.version, said.verdict, *fields]
        broken = {deletion_marker: DELETION_MARKER}
        return bool(await repaired(self._redis, broken, lambda: self._said(keys=names, args=arguments)))

    async def told(self, video_id: str, version: str) -> bool:
        """Note that the interim outcome is published to both topics; False if the gap was closed meanwhile."""
        return bool(await self._told(keys=[self._keys.gap(video_id)], args=[version]))

    async def said_before(self, video_id: str) -> str | None:
        """Return the version of an interim outcome of a closed gap that no later outcome has superseded."""
        state = self._keys.state(video_id)
        found: Any = await self._redis.hget(state, "said_version")
        return None if found is None else text_of(found)

    async def said(self, video_id: str) -> tuple[Mapping[bytes, bytes], bytes | None]:
        """Return status and verdict as readers see them; empty if a key is of another type."""
        status, verdict = self._keys.status(video_id), self._keys.verdict(video_id)
        fields: Any = await repaired(self._redis, {status: STATUS}, lambda: self._redis.hgetall(status))
        value: Any = await repaired(self._redis, {verdict: STRING}, lambda: self._redis.get(verdict))
        return fields, value

    async def hide(self, video_id: str, deletion: Deleted | None) -> Hidden | None:
        """Take away what readers find of a video whose deletion waits, and keep its uploads off; it may be repeated.

        Args:
            video_id: of the video.
            deletion: which waits; None where its gap does not say: then all that is served goes, and nothing is kept
                off, as that might be a revision from after the deletion.

        Returns:
            What had to go; None where no gap stands, and nothing was done.
        """
        keys = self._keys
        names = [key(video_id) for key in (keys.gap, keys.status, keys.verdict, keys.deletion_marker, keys.deletion)]
        # A newer revision may need the claims.
        names += [key(video_id) for key in (keys.engagement, keys.speech_text, keys.picture_text)]
        names += [key(video_id) for key in (keys.features, keys.embeddings)]
        broken = {keys.deletion_marker(video_id): DELETION_MARKER, keys.deletion(video_id): STRING}
        while (gap := await self.read(video_id)) is not None:
            known = await self.said(video_id)
            dead = reach_of(deletion, known)
            hidden = hidden_by(dead, gap, decode_verdict(known[1]))
            arguments: list[Any] = [
                *_compared(known), dead, reading_of(deletion, dead), self._deletion_marker_ttl_seconds,
                int(hidden.verdict), int(hidden.evidence),
            ]  # fmt: skip
            done = await repaired(self._redis, broken, partial(self._hide, keys=names, args=arguments))
            if done:
                return hidden if done == _HIDDEN else None
        return None

    async def close_empty(self, video_id: str, log_generation: int, seen_offset: int) -> bool:
        """Close the gap of a video whose facts in the log result in no state; False if a later fact waits."""
        keys = self._keys
        names = [key(video_id) for key in (keys.gap, keys.state, keys.status, keys.verdict)]
        return bool(await self._close(keys=names, args=[log_generation, seen_offset]))

    def _names(self, video_id: str) -> list[str]:
        return [self._keys.gap(video_id), self._keys.status(video_id)]


def _compared(known: tuple[Mapping[bytes, bytes], bytes | None]) -> tuple[bytes, bytes]:
    """Return the revision in the status, and the verdict, as scripts compare them."""
    status, verdict = known
    return status.get(b"revision", b""), verdict or b""


def _owed(failure: Failure | None) -> bytes:
    return b"" if failure is None else encode(replace(failure, message=failure.message[:_LONGEST_MESSAGE]))

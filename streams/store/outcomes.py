"""States and outcomes of videos: read, replaced by compare-and-set, and marked as published."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from schemas.codec import encode
from schemas.outcomes import Outcome, Version
from streams.decision.state import VideoState
from streams.record import Place
from streams.store.client import settled
from streams.store.compression import pack
from streams.store.deletion_reading import deletion_of
from streams.store.key_repair import DELETION_MARKER, HASH, STATUS, STRING, repaired
from streams.store.keys import Keys
from streams.store.rollback_detector import RollbackDetector
from streams.store.scripts import script_text
from streams.store.served import Served, encoded, status_of
from streams.store.stored_case import CASE_FIELDS, StoredVideo, UnreadableState, position_of, spell, stored_case
from streams.store.stored_outcome import to_stored
from streams.store.video_statuses import DEFAULT_COUNTS_SECONDS

DEFAULT_DELETION_MARKER_TTL_SECONDS = 35 * 86_400.0
"""A week longer than dead letters, which are kept longest of all records."""
_WAITS: Final = -1


class GapStands(Exception):
    """Facts of the video wait in a gap; nothing is folded over it, and nothing was written."""


class Outcomes:
    """The verdict role's own store; each change is one script over the keys of one video.

    Args:
        redis: the store.
        keys: names under the stack's prefix.
        deletion_marker_ttl_seconds: how long late facts of a deleted video are ignored; at least as long as any log is
            kept.
        rollback_detector: notes every write that the store confirmed.
        counts_seconds: retention of a known video's engagement; applied also to counts from before the video was known.
    """

    def __init__(
        self,
        redis: Redis,
        keys: Keys,
        deletion_marker_ttl_seconds: float = DEFAULT_DELETION_MARKER_TTL_SECONDS,
        rollback_detector: RollbackDetector | None = None,
        counts_seconds: float = DEFAULT_COUNTS_SECONDS,
    ) -> None:
        self._redis = redis
        self._keys = keys
        self._deletion_marker_ttl_seconds = int(deletion_marker_ttl_seconds)
        self._counts_seconds = int(counts_seconds)
        self._rollback_detector = rollback_detector or RollbackDetector()
        self._forget = redis.register_script(script_text("forget"))
        self._expire = redis.register_script(script_text("expire"))
        self._fold = redis.register_script(script_text("fold"))
        self._published = redis.register_script(script_text("published"))

    async def read(self, video_id: str, for_fact: Place | None = None) -> StoredVideo:
        """Return state and outcome of a video, from one consistent read.

        Args:
            video_id: of the video.
            for_fact: position of the fact to fold; asks whether a process died over it.

        Raises:
            UnreadableState: the state cannot be decoded.
        """
        fields, stands, deletion_waits, *deaths = await settled(self._redis, lambda: self._ask_case(video_id, for_fact))
        stored = _with_gap(stored_case(video_id, _answered(fields)), stands, deletion_waits)
        return replace(stored, is_suspect=any(_answered_or(found, 0) for found in deaths))

    async def read_served(self, video_id: str) -> Served:
        """Return state and outcome, and what readers see of the video, from one consistent read.

        A key of another type counts as empty. Raises UnreadableState.
        """
        answers = await settled(self._redis, lambda: self._ask_served(video_id))
        case, status, verdict, features, embeddings, *gap = answers
        return Served(
            _with_gap(stored_case(video_id, _answered(case)), *gap),
            _answered_or(status, {}),
            _answered_or(verdict, None),
            _answered_or(features, {}),
            _answered_or(embeddings, {}),
        )

    async def _ask_case(self, video_id: str, for_fact: Place | None) -> list[Any]:
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hmget(self._keys.state(video_id), list(CASE_FIELDS))
            pipeline.exists(self._keys.gap(video_id))
            pipeline.hget(self._keys.gap(video_id), "deletion_waits")
            if for_fact is not None:
                pipeline.hexists(self._keys.fold_deaths(for_fact.topic, for_fact.partition), str(for_fact.offset))
            return await pipeline.execute(raise_on_error=False)

    async def _ask_served(self, video_id: str) -> list[Any]:
        keys = self._keys
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hmget(keys.state(video_id), list(CASE_FIELDS))
            pipeline.hgetall(keys.status(video_id))
            pipeline.get(keys.verdict(video_id))
            pipeline.hgetall(keys.features(video_id))
            pipeline.hgetall(keys.embeddings(video_id))
            pipeline.exists(keys.gap(video_id))
            pipeline.hget(keys.gap(video_id), "deletion_waits")
            return await pipeline.execute(raise_on_error=False)

    async def replace(
        self, video_id: str, before: VideoState | None, after: VideoState, outcome: Outcome | None
    ) -> bool:
        """Write state and outcome if the store still contains `before`.

        Returns:
            False if another worker was faster, or the reply to an earlier attempt was lost: read again.

        Raises:
            GapStands: facts of the video wait.
        """
        return await self._written(video_id, before, after, outcome, "")

    async def close_gap(self, video_id: str, after: VideoState, outcome: Outcome | None, seen_offset: int) -> bool:
        """Write the result of a refold over any stored state, and close the gap.

        Args:
            video_id: of the video.
            after: the refolded state.
            outcome: the last outcome.
            seen_offset: offset of the last fact of the video that the refold read.

        Returns:
            False if there is no gap any more.

        Raises:
            GapStands: a later fact waits, so the log must be read again.
        """
        return await self._written(video_id, None, after, outcome, str(seen_offset))

    async def _written(
        self, video_id: str, before: VideoState | None, after: VideoState, outcome: Outcome | None, closes: str
    ) -> bool:
        written = await repaired(
            self._redis, self._broken_ones(video_id), lambda: self._replace(video_id, before, after, outcome, closes)
        )
        if written == _WAITS:
            raise GapStands(video_id)
        if written:
            self._rollback_detector.confirm(self._keys.state(video_id), position_of(after))
        return bool(written)

    def _broken_ones(self, video_id: str) -> dict[str, str]:
        """Return other keys that may be removed if their content is foreign: all are written again."""
        keys = self._keys
        return {
            keys.status(video_id): STATUS, keys.features(video_id): HASH, keys.embeddings(video_id): HASH,
            keys.deletion_marker(video_id): DELETION_MARKER, keys.deletion(video_id): STRING,
        }  # fmt: skip

    async def _replace(
        self, video_id: str, before: VideoState | None, after: VideoState, outcome: Outcome | None, closes: str
    ) -> int:
        keys = self._keys
        position = (before.log_generation, before.applied_offset) if before else ("", "")
        written = (after.log_generation, after.applied_offset, pack(encode(after)))
        if after.is_forgotten and (before is None or before.version != after.version):
            return await self._replace_by_marker(video_id, after, (*position, *written), closes)
        names = [
            keys.state(video_id), keys.status(video_id), keys.verdict(video_id), keys.features(video_id),
            keys.embeddings(video_id), keys.deletion_marker(video_id), keys.deletion(video_id),
            keys.engagement(video_id), keys.gap(video_id),
        ]  # fmt: skip
        is_deletion_news = after.deletions != (before.deletions if before else ())
        deletion = (deletion_of(after) if is_deletion_news else "", self._deletion_marker_ttl_seconds)
        said, lists = _arguments(after, outcome, self._counts_seconds) if outcome else (_unsaid(before, after), ())
        return int(await self._fold(keys=names, args=[*position, *written, *deletion, *said, closes, *lists]))

    async def _replace_by_marker(self, video_id: str, after: VideoState, head: tuple[Any, ...], closes: str) -> int:
        assert after.version is not None
        keys = self._keys
        texts = (keys.speech_text, keys.picture_text)
        gone = (keys.verdict, keys.features, keys.embeddings, keys.engagement, *texts, keys.gap)
        kept = (keys.state, keys.status, keys.deletion_marker, keys.deletion, keys.claims)
        names = [key(video_id) for key in (*kept, *gone)]
        tail = (
            spell(after.version),
            after.forgotten_revision,
            self._deletion_marker_ttl_seconds,
            deletion_of(after),
            closes,
        )
        return int(await self._forget(keys=names, args=[*head, *tail]))

    async def restore(
        self,
        video_id: str,
        state: VideoState,
        outcome: Outcome | None,
        *,
        is_published: bool,
        is_wrong: Callable[[StoredVideo], bool] = lambda _: False,
    ) -> bool:
        """Write the result of a refold if the store is behind it; workers may fold meanwhile.

        Args:
            video_id: of the video.
            state: the refolded state.
            outcome: the last outcome.
            is_published: whether the outcome is already published.
            is_wrong: decides whether a stored state at the same log position is replaced, too.

        Returns:
            Whether it was written; a state that is further in the log stays, and so does a video with a gap in which a
            later fact waits.
        """
        while True:
            stored = await self._read_or_gap(video_id)
            if stored.is_in_gap:
                if not await self._restore_in_gap(video_id, state, outcome):
                    return False
                break
            place = None if stored.state is None else position_of(stored.state)
            if place is not None and (
                place > position_of(state) or (place == position_of(state) and not is_wrong(stored))
            ):
                return False
            try:
                if await self.replace(video_id, stored.state, state, outcome):
                    break
            except GapStands:
                continue
        if outcome and is_published:
            await self.mark_published(video_id, outcome.version)
        return True

    async def _read_or_gap(self, video_id: str) -> StoredVideo:
        try:
            return await self.read(video_id)
        except UnreadableState:
            # The caller folds again: nobody else writes during a gap.
            await self._redis.hset(self._keys.gap(video_id), "cause", "unreadable-state")
            return StoredVideo(is_in_gap=True)

    async def _restore_in_gap(self, video_id: str, state: VideoState, outcome: Outcome | None) -> bool:
        try:
            return await self.close_gap(video_id, state, outcome, state.applied_offset)
        except GapStands:
            return False

    async def serve_again(self, video_id: str, stored: StoredVideo) -> bool:
        """Write what readers see of a video again, from its state; False if the state changed meanwhile."""
        assert stored.state is not None
        assert stored.outcome is not None
        try:
            return await self.replace(video_id, stored.state, stored.state, stored.outcome)
        except GapStands:  # written when the gap is closed
            return False

    async def expire(self, video_id: str, version: Version) -> bool:
        """Remove everything of a video that has no retention of its own.

        Returns:
            False if an outcome of another version is stored now.
        """
        keys = self._keys
        texts = (keys.speech_text, keys.picture_text)
        gone = (keys.state, keys.status, keys.verdict, keys.features, keys.embeddings, *texts, keys.gap)
        names = [key(video_id) for key in gone]
        arguments: list[str | int] = [spell(version), version.revision]
        broken = self._broken_ones(video_id)
        return bool(await repaired(self._redis, broken, lambda: self._expire(keys=names, args=arguments)))

    async def mark_published(self, video_id: str, version: Version) -> bool:
        """Note that both topics have it. Returns False if a newer version is stored now."""
        spelt = spell(version)
        current = await self._published(keys=[self._keys.state(video_id)], args=[spelt])
        return bool(current == spelt.encode())


def _with_gap(stored: StoredVideo, stands: Any, deletion_waits: Any) -> StoredVideo:
    is_withdrawn = _answered_or(deletion_waits, None) == b"1"
    return replace(stored, is_in_gap=bool(_answered(stands)), is_withdrawn=is_withdrawn)


def _arguments(state: VideoState, outcome: Outcome, counts_seconds: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    verdict, record = outcome.verdict, outcome.record
    lists = (status_of(state, outcome), encoded(record.features), encoded(record.embeddings))
    said = (
        to_stored(outcome, state), spell(outcome.version), outcome.version.revision, encode(verdict), counts_seconds,
    )  # fmt: skip
    return said, tuple(argument for fields in lists for argument in _counted(fields))


def _unsaid(before: VideoState | None, after: VideoState) -> tuple[Any, ...]:
    """Return the script's arguments if there is no outcome: only warnings."""
    return ("", *_warned(before, after), "", "")


def _warned(before: VideoState | None, after: VideoState) -> tuple[bytes | str, int]:
    """Return the warnings to write into the status, empty if unchanged, and their revision."""
    known = before.accepted.warnings if before and before.accepted else ()
    found = after.accepted.warnings if after.accepted else ()
    return ("" if found == known else encode(found), after.revision)


def _counted(fields: Mapping[str, Any]) -> list[Any]:
    return [2 * len(fields), *(part for field in fields.items() for part in field)]


def _answered(answer: Any) -> Any:
    if isinstance(answer, ResponseError) and not str(answer).startswith("WRONGTYPE"):
        raise answer
    return answer


def _answered_or(answer: Any, empty: Any) -> Any:
    answer = _answered(answer)
    return empty if isinstance(answer, ResponseError) else answer

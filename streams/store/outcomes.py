"""States and outcomes of videos: read, replaced by compare-and-set, and marked as published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from redis.asyncio import Redis

from schemas.evidence import Embedding, Feature
from schemas.outcomes import Outcome, Version
from schemas.wire import encode
from streams.store.cases import DEFAULT_COUNTS_SECONDS
from streams.store.deletion_reading import deletion_of
from streams.store.keys import Keys
from streams.store.packing import pack, unpack
from streams.store.scripts import script_text
from streams.store.stored_outcome import from_stored, to_stored
from streams.store.witness import Witness
from streams.verdict.state import CaseState

DEFAULT_GUARD_SECONDS = 35 * 86_400.0
"""A week longer than dead letters, the longest kept of all records."""
_STATE_DECODER = msgspec.json.Decoder(CaseState)


@dataclass(frozen=True, slots=True)
class StoredCase:
    """What the store knows of a video."""

    state: CaseState | None = None
    outcome: Outcome | None = None
    is_published: bool = False
    """Whether the broker is known to have the outcome, or the deletion's tombstones, in both topics."""

    @property
    def forgotten_version(self) -> Version | None:
        """Place of the deletion; None where the video is not forgotten."""
        return self.state.version if self.state and self.state.is_forgotten else None


class Outcomes:
    """The verdict role's own store; one script over the keys of one video for each change.

    Args:
        redis: the store.
        keys: names under the stack's prefix.
        guard_seconds: how long a deleted video's late facts are kept off; at least as long as any log is kept.
        witness: told of every write that the store confirmed.
        counts_seconds: how long a known video's engagement is kept; counts that came before the video get it, too.
    """

    def __init__(
        self,
        redis: Redis,
        keys: Keys,
        guard_seconds: float = DEFAULT_GUARD_SECONDS,
        witness: Witness | None = None,
        counts_seconds: float = DEFAULT_COUNTS_SECONDS,
    ) -> None:
        self._redis = redis
        self._keys = keys
        self._guard_seconds = int(guard_seconds)
        self._counts_seconds = int(counts_seconds)
        self._witness = witness or Witness()
        self._forget = redis.register_script(script_text("forget"))
        self._expire = redis.register_script(script_text("expire"))
        self._fold = redis.register_script(script_text("fold"))
        self._published = redis.register_script(script_text("published"))

    async def read(self, video_id: str) -> StoredCase:
        """State and outcome of a video, as one script wrote them."""
        fields = ("state", "outcome", "outcome_version", "published_version")
        found: list[Any] = await self._redis.hmget(self._keys.state(video_id), fields)
        state, outcome, version, published = found
        known = _STATE_DECODER.decode(unpack(state)) if state else None
        return StoredCase(
            state=known,
            outcome=from_stored(outcome, known) if outcome else None,
            is_published=version is not None and version == published,
        )

    async def replace(self, video_id: str, before: CaseState | None, after: CaseState, outcome: Outcome | None) -> bool:
        """Write state and outcome where the store still holds `before`.

        Returns:
            False where another worker was faster, or where the reply to an earlier attempt was lost: read again.
        """
        is_written = await self._replace(video_id, before, after, outcome)
        if is_written:
            self._witness.confirm(self._keys.state(video_id), _position(after))
        return is_written

    async def _replace(
        self, video_id: str, before: CaseState | None, after: CaseState, outcome: Outcome | None
    ) -> bool:
        keys = self._keys
        position = (before.log_generation, before.applied_offset) if before else ("", "")
        written = (after.log_generation, after.applied_offset, pack(encode(after)))
        if after.is_forgotten and (before is None or before.version != after.version):
            return await self._replace_by_guard(video_id, after, (*position, *written))
        names = [
            keys.state(video_id), keys.status(video_id), keys.verdict(video_id), keys.features(video_id),
            keys.embeddings(video_id), keys.guard(video_id), keys.deletion(video_id), keys.engagement(video_id),
        ]  # fmt: skip
        is_deletion_news = after.deletions != (before.deletions if before else ())
        deletion = (deletion_of(after) if is_deletion_news else "", self._guard_seconds)
        said = _arguments(after, outcome, self._counts_seconds) if outcome else ("",)
        return bool(await self._fold(keys=names, args=[*position, *written, *deletion, *said]))

    async def _replace_by_guard(self, video_id: str, after: CaseState, head: tuple[Any, ...]) -> bool:
        assert after.version is not None
        keys = self._keys
        gone = (keys.verdict, keys.features, keys.embeddings, keys.engagement, keys.claims)
        kept = (keys.state, keys.status, keys.guard, keys.deletion)
        names = [key(video_id) for key in (*kept, *gone)]
        tail = (spell(after.version), after.forgotten_revision, self._guard_seconds, deletion_of(after))
        return bool(await self._forget(keys=names, args=[*head, *tail]))

    async def restore(self, video_id: str, state: CaseState, outcome: Outcome | None, *, is_published: bool) -> bool:
        """Write what a rebuild made of a video, where the store is behind it; workers may fold meanwhile.

        Returns:
            Whether it was written; what stands as far in the log, or further, is left alone.
        """
        while True:
            stored = (await self.read(video_id)).state
            if stored is not None and _position(stored) >= _position(state):
                return False
            if await self.replace(video_id, stored, state, outcome):
                break
        if outcome and is_published:
            await self.mark_published(video_id, outcome.version)
        return True

    async def expire(self, video_id: str, version: Version) -> bool:
        """Remove all that is kept of a video, beside what has a retention of its own.

        Returns:
            False where an outcome of another version stands by now.
        """
        keys = self._keys
        gone = (keys.state, keys.status, keys.verdict, keys.features, keys.embeddings)
        names = [key(video_id) for key in gone]
        return bool(await self._expire(keys=names, args=[spell(version), version.revision]))

    async def mark_published(self, video_id: str, version: Version) -> bool:
        """Note that both topics have it. Returns False where a newer version is stored by now."""
        spelt = spell(version)
        current = await self._published(keys=[self._keys.state(video_id)], args=[spelt])
        return bool(current == spelt.encode())


def _position(state: CaseState) -> tuple[int, int]:
    return state.log_generation, state.applied_offset


def spell(version: Version) -> str:
    """A version as one word: revision, generation of the log, offset."""
    return f"{version.revision}.{version.generation}.{version.offset}"


def _arguments(state: CaseState, outcome: Outcome, counts_seconds: int) -> tuple[Any, ...]:
    verdict, record = outcome.verdict, outcome.record
    lists = (_status(state, outcome), _encoded(record.features), _encoded(record.embeddings))
    return (
        to_stored(outcome, state), spell(outcome.version), outcome.version.revision, encode(verdict), counts_seconds,
        *(argument for fields in lists for argument in _counted(fields)),
    )  # fmt: skip


def _status(state: CaseState, outcome: Outcome) -> dict[str, str | int | float]:
    verdict, version = outcome.verdict, outcome.version
    states = verdict.modalities
    return {
        "status": verdict.status,
        "action": verdict.action,
        "revision": version.revision,
        "log_generation": version.generation,
        "offset": version.offset,
        "expected": ",".join(state.accepted.expected if state.accepted else ()),
        "present": ",".join(states.present),
        "absent": ",".join(states.absent),
        "missing": ",".join(states.missing),
        "failed": ",".join(states.failed),
        "uploaded_unix_seconds": verdict.uploaded_unix_seconds,
        "deadline_unix_seconds": verdict.deadline_unix_seconds,
        "decided_unix_seconds": verdict.decided_unix_seconds,
    }


def _encoded(values: Mapping[str, Feature] | Mapping[str, Embedding]) -> dict[str, bytes]:
    return {name: encode(value) for name, value in values.items()}


def _counted(fields: Mapping[str, Any]) -> list[Any]:
    return [2 * len(fields), *(part for field in fields.items() for part in field)]

"""States and outcomes of videos: read, replaced by compare-and-set, and marked as published."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from redis.asyncio import Redis

from schemas.evidence import Embedding, Feature
from schemas.outcomes import Outcome, Version
from schemas.wire import encode
from streams.store.cases import DEFAULT_COUNTS_SECONDS, warning_fields
from streams.store.deletion_reading import deletion_of
from streams.store.keys import Keys
from streams.store.packing import pack, unpack
from streams.store.scripts import script_text
from streams.store.stored_outcome import from_stored, to_stored
from streams.store.witness import Witness
from streams.verdict.state import CaseState

DEFAULT_GUARD_SECONDS = 35 * 86_400.0
"""A week longer than dead letters, the longest kept of all records."""
_CASE_FIELDS = ("state", "outcome", "outcome_version", "published_version")
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


@dataclass(frozen=True, slots=True)
class Served:
    """What the store knows of a video, and what readers find of it."""

    case: StoredCase
    status: Mapping[bytes, bytes]
    verdict: bytes | None
    features: Mapping[bytes, bytes]
    embeddings: Mapping[bytes, bytes]

    def differences(self) -> list[str]:
        """Names of keys that do not say what the outcome says; a newer revision that intake registered may."""
        state, outcome = self.case.state, self.case.outcome
        if state is None or outcome is None:
            return []
        pairs = {
            "verdict": (encode(outcome.verdict), self.verdict),
            "features": (_bytes(_encoded(outcome.record.features)), self.features),
            "embeddings": (_bytes(_encoded(outcome.record.embeddings)), self.embeddings),
            "status": (_bytes(_status(state, outcome)), self.status),
        }
        if int(self.status.get(b"revision", 0)) > outcome.version.revision:
            del pairs["status"]
        return [name for name, (wanted, found) in pairs.items() if wanted != found]


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
        return _stored_case(await self._redis.hmget(self._keys.state(video_id), _CASE_FIELDS))

    async def read_served(self, video_id: str) -> Served:
        """State and outcome, and beside them what readers find of the video, all of one moment."""
        keys = self._keys
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hmget(keys.state(video_id), list(_CASE_FIELDS))
            pipeline.hgetall(keys.status(video_id))
            pipeline.get(keys.verdict(video_id))
            pipeline.hgetall(keys.features(video_id))
            pipeline.hgetall(keys.embeddings(video_id))
            case, *served = await pipeline.execute()
        return Served(_stored_case(case), *served)

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
        said = _arguments(after, outcome, self._counts_seconds) if outcome else ("", *_warned(before, after))
        return bool(await self._fold(keys=names, args=[*position, *written, *deletion, *said]))

    async def _replace_by_guard(self, video_id: str, after: CaseState, head: tuple[Any, ...]) -> bool:
        assert after.version is not None
        keys = self._keys
        gone = (keys.verdict, keys.features, keys.embeddings, keys.engagement, keys.claims, keys.refusals)
        kept = (keys.state, keys.status, keys.guard, keys.deletion)
        names = [key(video_id) for key in (*kept, *gone)]
        tail = (spell(after.version), after.forgotten_revision, self._guard_seconds, deletion_of(after))
        return bool(await self._forget(keys=names, args=[*head, *tail]))

    async def restore(
        self,
        video_id: str,
        state: CaseState,
        outcome: Outcome | None,
        *,
        is_published: bool,
        is_wrong: Callable[[StoredCase], bool] = lambda _: False,
    ) -> bool:
        """Write what a refold made of a video, where the store is behind it; workers may fold meanwhile.

        Args:
            video_id: of the video.
            state: what its facts make of it.
            outcome: the last one.
            is_published: whether nobody has to publish it any more.
            is_wrong: asked of what stands at the very same place of the log, whether that is to be replaced, too.

        Returns:
            Whether it was written; what stands further in the log is left alone.
        """
        while True:
            stored = await self.read(video_id)
            place = None if stored.state is None else _position(stored.state)
            if place is not None and (place > _position(state) or (place == _position(state) and not is_wrong(stored))):
                return False
            if await self.replace(video_id, stored.state, state, outcome):
                break
        if outcome and is_published:
            await self.mark_published(video_id, outcome.version)
        return True

    async def serve_again(self, video_id: str, stored: StoredCase) -> bool:
        """Write once more what readers find of a video, as its state has it; False where that changed meanwhile."""
        assert stored.state is not None
        assert stored.outcome is not None
        return await self.replace(video_id, stored.state, stored.state, stored.outcome)

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


def _stored_case(fields: list[Any]) -> StoredCase:
    state, outcome, version, published = fields
    known = _STATE_DECODER.decode(unpack(state)) if state else None
    return StoredCase(
        state=known,
        outcome=from_stored(outcome, known) if outcome else None,
        is_published=version is not None and version == published,
    )


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


def _warned(before: CaseState | None, after: CaseState) -> tuple[bytes | str, int]:
    """Warnings to be written into the status, empty where they are no news; and of which revision they are."""
    known = before.accepted.warnings if before and before.accepted else ()
    found = after.accepted.warnings if after.accepted else ()
    return ("" if found == known else encode(found), after.revision)


def _status(state: CaseState, outcome: Outcome) -> dict[str, str | int | float]:
    verdict, version = outcome.verdict, outcome.version
    states = verdict.modalities
    warnings = state.accepted.warnings if state.accepted else ()
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
        **warning_fields(warnings),
    }


def _encoded(values: Mapping[str, Feature] | Mapping[str, Embedding]) -> dict[str, bytes]:
    return {name: encode(value) for name, value in values.items()}


def _counted(fields: Mapping[str, Any]) -> list[Any]:
    return [2 * len(fields), *(part for field in fields.items() for part in field)]


def _bytes(fields: Mapping[str, Any]) -> dict[bytes, bytes]:
    """Fields and values of a hash as a reader finds them."""
    return {name.encode(): value if isinstance(value, bytes) else str(value).encode() for name, value in fields.items()}

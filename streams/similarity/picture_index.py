"""Index of the hashes of all videos' pictures: finds videos that share a picture, however long they are.

It is one Redis vector set of binary vectors (BIN, 256 bits), searched by Hamming distance (HNSW). Tables of hash bands
were the alternative: a band that is intact in a picture with 31 changed bits has 16 bits or less, so that with many
videos each bucket holds a great many, and a bucket of a picture that all share, such as a logo on white, has no end. A
search here costs the same whatever is stored: a frequent picture fills an answer, and the video's other pictures find
the rest.

A video has at most `MAX_ENTRIES` members, whose names follow from its id, so a removal needs no list of them.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from operators.frames.hash_limits import COLUMN_QUALITY, DIFFERENT_BITS, USABLE_QUALITY
from operators.frames.part_names import COLUMN, INNER, INNER_TOO, UPRIGHT
from schemas.outcomes import Outcome
from streams.similarity.video_hashes import WHOLE, VideoHashes, mirrored, video_hashes
from streams.store.key_repair import BIT_SET, repaired
from streams.store.keys import Keys
from streams.store.scripts import script_text

if TYPE_CHECKING:
    from redis.asyncio import Redis

Answer = TypeVar("Answer")
ENTRIES: Final = {WHOLE: 8, INNER: 4, UPRIGHT: 4, INNER_TOO: 2, COLUMN: 8}
"""Members of one video by view. Parts that are cut off at all sides are not here: such copies look so much alike that
the embedding finds them."""
QUERIES: Final = {WHOLE: 8, INNER: 8, UPRIGHT: 4, INNER_TOO: 8, COLUMN: 24}
"""Hashes of one video that are looked for. A narrow crop shares few columns with its original, so all are asked about:
a search needs no memory."""
MAX_ENTRIES: Final = sum(ENTRIES.values())
HASH_BITS: Final = 256
NUM_LINKS: Final = 8
"""Of a member in the graph: 400 bytes a member, against 730 with Redis' default of 16."""
BUILD_EFFORT: Final = 64
SEARCH_EFFORT: Final = 200
MAX_BITS: Final = 48
"""Distance up to which a member counts: the videos are compared by all of their hashes afterwards."""
NUM_NEAREST: Final = 20
"""Members that one search returns."""


class PictureIndex:
    """Follows outcomes as `streams.similarity.vectors.Vectors` does, and under the same conditions."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._key = keys.picture_hashes()
        self._read = redis.register_script(script_text("picture_read"))
        self._write = redis.register_script(script_text("picture_hash"))

    async def replace(self, outcome: Outcome) -> None:
        """Store the hashes of a video's outcome; may be repeated, and writes only what differs."""
        video_id, wanted = outcome.record.video_id, entries_of(video_hashes(outcome.record.features))
        stored = await self._stored(video_id)
        await self._remove(video_id, [number for number in stored if number not in wanted])
        for number, value in wanted.items():
            if stored.get(number) != value:
                await self._put(_member(number, video_id), value)

    async def remove(self, video_id: str) -> None:
        """Remove a video; may be repeated."""
        await self._remove(video_id, range(MAX_ENTRIES))

    async def differences(self, video_id: str, outcome: Outcome | None) -> list[str]:
        """Return where the index differs from a video's outcome; None for a video without one."""
        wanted = entries_of(video_hashes(outcome.record.features)) if outcome else {}
        stored = await self._stored(video_id)
        numbers = [number for number in range(MAX_ENTRIES) if wanted.get(number) != stored.get(number)]
        return [f"picture hashes {', '.join(map(str, numbers))} differ"] if numbers else []

    async def sharing(self, hashes: VideoHashes, count: int) -> list[str]:
        """Return the ids of videos that may share pictures, those with the most first.

        Args:
            hashes: of the video in question, which is among the results if it is stored.
            count: of results, at most.
        """
        answers = await self._searched(sorted(queries_of(hashes)))
        votes = Counter(video_id for answer in answers for video_id in {*_near(answer)})
        return [video_id for video_id, _ in votes.most_common(count)]

    async def _put(self, member: str, value: int) -> None:
        arguments = (member, _vector(value), NUM_LINKS, BUILD_EFFORT)
        await self._repaired(lambda: self._write(keys=[self._key], args=arguments))

    async def _stored(self, video_id: str) -> dict[int, int]:
        """Return the hashes of a video in the index, by number."""
        members = [_member(number, video_id) for number in range(MAX_ENTRIES)]
        found = await self._repaired(lambda: self._read(keys=[self._key], args=members))
        return {number: int.from_bytes(bits, "little") for number, bits in enumerate(found) if bits is not None}

    async def _searched(self, values: Sequence[int]) -> list[Any]:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for value in values:
                pipeline.vset().vsim(self._key, _vector(value), with_scores=True, count=NUM_NEAREST, ef=SEARCH_EFFORT)
            return await pipeline.execute()

    async def _remove(self, video_id: str, numbers: Iterable[int]) -> None:
        await self._repaired(lambda: self._removed([_member(number, video_id) for number in numbers]))

    async def _removed(self, members: Sequence[str]) -> None:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for member in members:
                pipeline.execute_command("VREM", self._key, member)
            await pipeline.execute()

    async def _repaired(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """Remove a key with other content and call again; an audit writes its hashes again."""
        return await repaired(self._redis, {self._key: BIT_SET}, call)


def entries_of(hashes: VideoHashes) -> dict[int, int]:
    """Return the hashes of a video that are indexed, by number; a number belongs to one view."""
    return _chosen(hashes, ENTRIES)


def queries_of(hashes: VideoHashes) -> set[int]:
    """Return the hashes of a video that are looked for, as they are and mirrored."""
    return {turned for value in _chosen(hashes, QUERIES).values() for turned in (value, mirrored(value))}


def _chosen(hashes: VideoHashes, limits: Mapping[str, int]) -> dict[int, int]:
    entries: dict[int, int] = {}
    first = 0
    for view, limit in limits.items():
        quality = COLUMN_QUALITY if view == COLUMN else USABLE_QUALITY
        usable = [picture.values[0] for picture in hashes.get(view, ()) if picture.quality >= quality]
        entries |= enumerate(_differing(usable, limit), start=first)
        first += limit
    return entries


def _differing(values: Sequence[int], limit: int) -> list[int]:
    """Return hashes that differ from each other, spread over the video."""
    kept: list[int] = []
    for value in values:
        if all((value ^ other).bit_count() >= DIFFERENT_BITS for other in kept):
            kept.append(value)
    return kept if len(kept) <= limit else [kept[place * (len(kept) - 1) // (limit - 1)] for place in range(limit)]


def _member(number: int, video_id: str) -> str:
    return f"{number}:{video_id}"


def _vector(value: int) -> bytes:
    """Return a hash in the format of `VADD ... FP32`: 1 for a set bit, -1 for another, the lowest first."""
    return struct.pack(f"<{HASH_BITS}f", *(1.0 if value >> bit & 1 else -1.0 for bit in range(HASH_BITS)))


def _near(answer: Any) -> Iterable[str]:
    """Return the videos of the members of an answer that are near enough."""
    scores: Mapping[Any, Any] = answer or {}  # of an index that does not exist, an empty list
    for member, score in scores.items():
        if HASH_BITS * (1.0 - float(score)) <= MAX_BITS:
            yield (member.decode() if isinstance(member, bytes) else member).partition(":")[2]

"""Embedding spaces as a whole: how many videos each holds, and how far the way from one to its successor is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streams.similarity.members import members_of
from streams.store.keys import Keys

if TYPE_CHECKING:
    from redis.asyncio import Redis

_PAGE: Final = 1000
_NUM_EXAMPLES: Final = 5


class UnknownSpace(ValueError):
    """No vector of that space was ever written, or all are gone."""


@dataclass(frozen=True, slots=True)
class Space:
    """One embedding space as it stands."""

    name: str
    dimensions: int
    num_videos: int


@dataclass(frozen=True, slots=True)
class Migration:
    """How many videos of an old space have a vector in the new one.

    A video that is analysed again by the new model leaves the old space with the same write; so whoever stands in the
    old one alone is what remains to be done.
    """

    old: str
    new: str
    num_new: int
    """Videos in the new space, whether or not they are in the old one, too."""
    num_both: int
    num_missing: int
    """Videos in the old space alone."""
    num_strays: int
    """Vectors in the old space of videos that the store has no embeddings of; nobody waits for those."""
    examples: tuple[str, ...]
    """Some of the missing."""

    @property
    def is_complete(self) -> bool:
        """Whether no video is left behind."""
        return self.num_missing == 0

    @property
    def done_ratio(self) -> float:
        """Share of all videos of both spaces that are in the new one; 1 where there are none."""
        everyone = self.num_new + self.num_missing
        return self.num_new / everyone if everyone else 1.0


async def read_spaces(redis: Redis, keys: Keys) -> list[Space]:
    """Every space that holds a vector, by name."""
    names = sorted(_text(name) for name in await redis.smembers(keys.spaces()))
    spaces = [await _space(redis, keys, name) for name in names]
    return [space for space in spaces if space is not None]


async def read_migration(redis: Redis, keys: Keys, old: str, new: str) -> Migration:
    """Compare two spaces, video by video. Walks the keys of all videos without stopping others.

    Raises:
        UnknownSpace: one of them was never written, or both are the same; says which there are.
    """
    await _require_known(redis, keys, old, new)
    num_seen = num_both = 0
    examples: list[str] = []
    async for page in _pages(redis, keys):
        olds = await members_of(redis, keys.space(old), page)
        both = set(await members_of(redis, keys.space(new), olds))
        num_seen, num_both = num_seen + len(olds), num_both + len(both)
        examples += [video_id for video_id in olds if video_id not in both][: _NUM_EXAMPLES - len(examples)]
    return Migration(
        old=old,
        new=new,
        num_new=await redis.vset().vcard(keys.space(new)),
        num_both=num_both,
        num_missing=num_seen - num_both,
        num_strays=max(0, await redis.vset().vcard(keys.space(old)) - num_seen),
        examples=tuple(examples),
    )


async def _pages(redis: Redis, keys: Keys) -> AsyncIterator[list[str]]:
    """Ids of all videos that have embeddings, each once, a page at a time."""
    prefix, _, suffix = keys.embeddings("*").partition("*")
    page: list[str] = []
    seen: set[str] = set()  # a scan may name a key twice
    async for key in redis.scan_iter(match=keys.embeddings("*"), count=_PAGE):
        video_id = _text(key).removeprefix(prefix).removesuffix(suffix)
        if video_id not in seen:
            seen.add(video_id)
            page.append(video_id)
        if len(page) == _PAGE:
            yield page
            page = []
    yield page


async def drop_space(redis: Redis, keys: Keys, space: str) -> None:
    """Remove a space with all its vectors; embeddings in the videos' own keys stay."""
    async with redis.pipeline(transaction=False) as pipeline:
        pipeline.unlink(keys.space(space))
        pipeline.srem(keys.spaces(), space)
        await pipeline.execute()


async def _require_known(redis: Redis, keys: Keys, old: str, new: str) -> None:
    if old == new:
        raise UnknownSpace(f"the spaces must differ; both are {old!r}")
    names = {_text(name) for name in await redis.smembers(keys.spaces())}
    for name in (old, new):
        if name not in names:
            raise UnknownSpace(f"there is no embedding space {name!r}; there are: {', '.join(sorted(names)) or 'none'}")


async def _space(redis: Redis, keys: Keys, name: str) -> Space | None:
    num_videos = await redis.vset().vcard(keys.space(name))
    if not num_videos:
        return None
    return Space(name, await redis.vset().vdim(keys.space(name)), num_videos)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value

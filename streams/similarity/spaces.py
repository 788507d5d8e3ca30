"""Embedding spaces as a whole: their sizes, and the progress of a migration from one to its successor."""

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
    """No vector of that space was ever written, or all were removed."""


@dataclass(frozen=True, slots=True)
class Space:
    """One embedding space with its current size."""

    name: str
    dimensions: int
    num_videos: int


@dataclass(frozen=True, slots=True)
class Migration:
    """How many videos of an old space have a vector in the new one.

    When a video is analysed by the new model, the same write removes it from the old space. Videos that are in the old
    space only are therefore what remains.
    """

    old: str
    new: str
    num_new: int
    """Videos in the new space, whether or not they are also in the old one."""
    num_both: int
    num_missing: int
    """Videos in the old space only."""
    num_strays: int
    """Vectors in the old space of videos that have no embeddings in the store; they do not count as missing."""
    examples: tuple[str, ...]
    """Some of the missing."""

    @property
    def is_complete(self) -> bool:
        """Whether no video is missing."""
        return self.num_missing == 0

    @property
    def done_ratio(self) -> float:
        """Share of all videos of both spaces that are in the new one; 1 if there are none."""
        everyone = self.num_new + self.num_missing
        return self.num_new / everyone if everyone else 1.0


async def read_spaces(redis: Redis, keys: Keys) -> list[Space]:
    """Return every space that contains a vector, by name."""
    names = sorted(_text(name) for name in await redis.smembers(keys.spaces()))
    spaces = [await _space(redis, keys, name) for name in names]
    return [space for space in spaces if space is not None]


async def read_migration(redis: Redis, keys: Keys, old: str, new: str) -> Migration:
    """Compare two spaces, video by video. Scans the keys of all videos without blocking other clients.

    Raises:
        UnknownSpace: one of them was never written, or both are the same; the message lists existing ones.
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
    """Yield the ids of all videos that have embeddings, each once, one page at a time."""
    prefix, _, suffix = keys.embeddings("*").partition("*")
    page: list[str] = []
    seen: set[str] = set()  # a scan may return a key twice
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

"""Videos that are similar to a given one, in one embedding space.

The same question as a plain Redis call:

    VSIM vs:space:efficientnet-lite0/1280 ELE v-42 WITHSCORES COUNT 11 FILTER '.market == "DE" and .action == "allow"
    and .status != "pending"'

A score of Redis is (1 + cosine) / 2. The video itself comes first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, get_args

from msgspec import Meta

from models.card_registry import card_of_use
from schemas.identity import Market
from streams.similarity.members import members_of
from streams.similarity.spaces import UnknownSpace, read_spaces
from streams.store.keys import Keys

if TYPE_CHECKING:
    from redis.asyncio import Redis

PICTURE_SPACE: Final = card_of_use("image-classes").embedding_space or ""
"""Space of image similarity; the default of a query."""
MOST_NEIGHBOURS: Final = 1000

_FILTER_EFFORT: Final = 20_000
"""Candidates that are examined before a query with a very selective filter returns fewer results than requested."""
_MARKET: Final = next(re.compile(meta.pattern or "") for meta in get_args(Market) if isinstance(meta, Meta))


class InvalidQuery(ValueError):
    """A filter or number of the query is not allowed."""


class UnknownVideo(ValueError):
    """The video is unknown to the store."""


class NotInSpace(ValueError):
    """The video has no vector in the space, so it cannot be compared there."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Filters on results; all must match."""

    market: str | None = None
    """ISO 3166-1 alpha-2, such as DE."""
    is_allowed_only: bool = False
    """Only videos with a decided verdict of action `allow`."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A video that is similar to the queried one."""

    video_id: str
    cosine: float
    """1 is the same direction. Error up to 0.001, because vectors are stored with 8 bits per number."""
    attributes: Mapping[str, Any]
    """As `streams.similarity.vectors.attributes_of` wrote them."""


async def similar(
    redis: Redis,
    keys: Keys,
    video_id: str,
    *,
    space: str = PICTURE_SPACE,
    count: int = 10,
    filters: Filters | None = None,
) -> list[Neighbour]:
    """Return the nearest videos, nearest first, without the video itself; approximate (HNSW).

    Raises:
        InvalidQuery: a market or count that is not allowed.
        UnknownSpace, UnknownVideo, NotInSpace: nothing to compare; the message lists what exists.
    """
    expression = filter_expression(filters or Filters())
    if not 1 <= count <= MOST_NEIGHBOURS:
        raise InvalidQuery(f"count is {count}; 1 to {MOST_NEIGHBOURS} are allowed")
    await _require_vector(redis, keys, video_id, space)
    found: Any = await redis.vset().vsim(
        keys.space(space),
        video_id,
        with_scores=True,
        with_attribs=True,
        count=count + 1,
        filter=expression or None,
        filter_ef=str(_FILTER_EFFORT),
    )
    neighbours = [_neighbour(name, answer) for name, answer in found.items()]
    return [neighbour for neighbour in neighbours if neighbour.video_id != video_id][:count]


def filter_expression(filters: Filters) -> str:
    """Return a `FILTER` of VSIM; empty without filters.

    Raises:
        InvalidQuery: the market is invalid, so that no untrusted text becomes part of the expression.
    """
    terms: list[str] = []
    if filters.market is not None:
        if not _MARKET.fullmatch(filters.market):
            raise InvalidQuery(f"market is {filters.market!r}; two capital letters are allowed, such as 'DE'")
        terms.append(f'.market == "{filters.market}"')
    if filters.is_allowed_only:
        # While a verdict is pending, `action` is the policy's action for that time: nothing is decided yet.
        terms.append('.action == "allow" and .status != "pending"')
    return " and ".join(terms)


async def _require_vector(redis: Redis, keys: Keys, video_id: str, space: str) -> None:
    if await members_of(redis, keys.space(space), [video_id]):
        return
    existing = [found.name for found in await read_spaces(redis, keys)]
    if space not in existing:
        raise UnknownSpace(f"there is no embedding space {space!r}; there are: {', '.join(existing) or 'none'}")
    its_own = [name for name in existing if await members_of(redis, keys.space(name), [video_id])]
    if its_own:
        raise NotInSpace(f"video {video_id!r} has no vector in space {space!r}; it has one in: {', '.join(its_own)}")
    if not await redis.exists(keys.status(video_id)):
        raise UnknownVideo(f"nothing is known of video {video_id!r}")
    raise NotInSpace(f"video {video_id!r} has no vector in any space: not analysed yet, or nothing to embed in it")


def matches(filters: Filters, attributes: Mapping[str, Any]) -> bool:
    """Return whether a video's attributes pass the filters, as those of `filter_expression`."""
    is_allowed = attributes.get("action") == "allow" and attributes.get("status") != "pending"
    return filters.market in (None, attributes.get("market")) and (is_allowed or not filters.is_allowed_only)


def parsed_attributes(answer: Any) -> Mapping[str, Any]:
    """Return attributes as Redis or its client gives them; empty if there are none."""
    found: Mapping[str, Any] = answer if isinstance(answer, dict) else json.loads(answer or "{}")
    return found


def _neighbour(name: bytes | str, answer: Mapping[str, Any]) -> Neighbour:
    return Neighbour(
        video_id=name.decode() if isinstance(name, bytes) else name,
        cosine=2.0 * float(answer["score"]) - 1.0,
        attributes=parsed_attributes(answer["attributes"]),
    )

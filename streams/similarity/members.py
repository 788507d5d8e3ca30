"""Membership in a vector set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redis.asyncio import Redis


async def members_of(redis: Redis, key: str, video_ids: Sequence[str]) -> list[str]:
    """Return those of some videos that have a vector under a key, in their order, in one round trip."""
    async with redis.pipeline(transaction=False) as pipeline:
        for video_id in video_ids:
            pipeline.execute_command("VISMEMBER", key, video_id)
        answers = await pipeline.execute()
    return [video_id for video_id, is_member in zip(video_ids, answers, strict=True) if is_member]

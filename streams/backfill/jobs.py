"""Reprocessing jobs: their filter, and the offsets of their records; stored in Redis to report progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from schemas.identity import UnixSeconds
from streams.store.keys import Keys

if TYPE_CHECKING:
    from redis.asyncio import Redis

_KEPT_SECONDS: Final = 30 * 86_400


class JobFilter(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which uploads a job selects."""

    since_unix_seconds: UnixSeconds
    until_unix_seconds: UnixSeconds | None = None
    model: str | None = None
    """Only videos whose results come from another version of this model than the current one."""
    space: str | None = None
    """Only videos without a vector in this embedding space."""
    market: str | None = None
    is_every: bool = False
    """Also videos whose results are of the current models."""
    limit: int | None = None


class Job(Struct, frozen=True, kw_only=True):
    """One run of `vidsignal reprocess`."""

    job_id: str
    created_unix_seconds: UnixSeconds
    filter: JobFilter
    is_sent: bool = False
    """Whether all of its uploads are published; if not, publishing continues, or the command was interrupted."""
    num_sent: int = 0
    first_offsets: dict[int, int] = {}
    """Offset of its first record, by partition of `video.backfill`."""
    end_offsets: dict[int, int] = {}
    """Offset after its last record, by partition."""


class Jobs:
    """The jobs of a stack, and the pause flag that applies to all of them.

    Args:
        redis: the store.
        keys: names under the stack's prefix.
    """

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys

    async def save(self, job: Job) -> None:
        """Store a job."""
        fields: dict[Any, Any] = {
            name: msgspec.json.encode(value) for name, value in msgspec.structs.asdict(job).items()
        }
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hset(self._keys.job(job.job_id), mapping=fields)
            pipeline.expire(self._keys.job(job.job_id), _KEPT_SECONDS)
            pipeline.zadd(self._keys.jobs(), {job.job_id: job.created_unix_seconds})
            pipeline.zremrangebyscore(self._keys.jobs(), "-inf", job.created_unix_seconds - _KEPT_SECONDS)
            await pipeline.execute()

    async def read(self, job_id: str) -> Job | None:
        """Return a job; None if there is none of that id, or it cannot be read."""
        name = self._keys.job(job_id)
        from streams.store.key_repair import HASH, repaired  # imports clients that a command's help does not need

        fields: dict[Any, Any] = await repaired(self._redis, {name: HASH}, lambda: self._redis.hgetall(name))
        if not fields:
            return None
        try:
            values = {_text(field): msgspec.json.decode(value) for field, value in fields.items()}
            return msgspec.convert(values, Job, strict=False)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            import structlog

            structlog.get_logger(__name__).error(
                "a job cannot be read, and is passed over", job_id=job_id, error=str(error)
            )
            return None

    async def read_all(self) -> list[Job]:
        """Return every stored job, the oldest first."""
        jobs = self._keys.jobs()
        from streams.store.key_repair import SORTED_SET, repaired

        names: list[Any] = await repaired(self._redis, {jobs: SORTED_SET}, lambda: self._redis.zrange(jobs, 0, -1))
        found = [await self.read(_text(name)) for name in names]
        return [job for job in found if job is not None]

    async def pause(self) -> None:
        """Pause the backfill role on every worker until `resume`."""
        await self._redis.set(self._keys.backfill_paused(), "paused")

    async def resume(self) -> None:
        """Resume the backfill role."""
        await self._redis.delete(self._keys.backfill_paused())

    async def is_paused(self) -> bool:
        """Return whether it is paused."""
        return bool(await self._redis.exists(self._keys.backfill_paused()))


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value

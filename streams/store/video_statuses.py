"""Status of uploads: a revision that waits for a verdict. Intake writes it before anything else."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from redis.asyncio import Redis

from schemas.codec import encode
from schemas.facts import Accepted
from schemas.warnings import EventWarning
from streams.store.key_repair import DELETION_MARKER, STATUS, STRING, repaired
from streams.store.keys import Keys
from streams.store.scripts import script_text

DEFAULT_COUNTS_SECONDS = 60 * 86_400.0
"""Default retention of a known video's engagement."""


class Registered(IntEnum):
    """Result of registering a revision."""

    FORGOTTEN = -1
    KNOWN = 0
    """The same revision or a newer one was registered before."""
    WRITTEN = 1


def warning_fields(warnings: tuple[EventWarning, ...]) -> dict[str, str]:
    """Return the status field of warnings: a JSON list of {kind, message, field}; no field without warnings."""
    return {"warnings": encode(warnings).decode()} if warnings else {}


class VideoStatuses:
    """Writes uploads into the status hashes that producers read.

    The deadline is a separate step (`streams.store.deadlines.Deadlines.register`), because its key is not the video's.
    Both steps may be repeated at any time.

    Args:
        redis: the store.
        keys: names under the stack's prefix.
        counts_seconds: retention of a known video's engagement; applied also to counts from before the video was known.
    """

    def __init__(self, redis: Redis, keys: Keys, counts_seconds: float = DEFAULT_COUNTS_SECONDS) -> None:
        self._redis = redis
        self._keys = keys
        self._counts_seconds = int(counts_seconds)
        self._register = redis.register_script(script_text("case"))

    async def register(self, accepted: Accepted) -> Registered:
        """Write status `pending` for a revision.

        Changes nothing if the same revision (possibly decided) or a newer one is known. It writes no `action`: the
        policy determines it, with the first outcome.

        Returns:
            The result; a deleted revision must not be accepted.
        """
        fields = (
            "status", "pending",
            "expected", ",".join(accepted.expected),
            "missing", ",".join(accepted.expected),
            "uploaded_unix_seconds", repr(accepted.uploaded_unix_seconds),
            "deadline_unix_seconds", repr(accepted.deadline_unix_seconds),
            *(part for field in warning_fields(accepted.warnings).items() for part in field),
        )  # fmt: skip
        keys = [
            key(accepted.video_id) for key in (self._keys.status, self._keys.deletion_marker, self._keys.engagement)
        ]
        arguments: list[Any] = [accepted.revision, self._counts_seconds, *fields]
        broken = dict(zip(keys, (STATUS, DELETION_MARKER, STRING), strict=True))
        return Registered(await repaired(self._redis, broken, lambda: self._register(keys=keys, args=arguments)))

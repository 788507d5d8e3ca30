"""A case: that a revision of a video waits for a verdict. Written by intake before anything else is."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from redis.asyncio import Redis

from schemas.codec import encode
from schemas.facts import Accepted
from schemas.warnings import EventWarning
from streams.store.key_repair import DELETION_MARKER, STATUS, STRING, mended
from streams.store.keys import Keys
from streams.store.scripts import script_text

DEFAULT_COUNTS_SECONDS = 60 * 86_400.0
"""As long as a known video's engagement is kept where no setting says otherwise."""


class Registered(IntEnum):
    """What became of a revision that was registered."""

    FORGOTTEN = -1
    KNOWN = 0
    """The same revision or a newer one was there before."""
    WRITTEN = 1


def warning_fields(warnings: tuple[EventWarning, ...]) -> dict[str, str]:
    """What the status says of warnings: a JSON list of {kind, message, field}; no field at all where there are none."""
    return {"warnings": encode(warnings).decode()} if warnings else {}


class VideoStatuses:
    """Puts uploads into the status hashes that producers look at.

    The deadline is a step of its own (`streams.store.deadlines.Deadlines.register`), because it is under a key
    that is not the video's. Both steps may be repeated at any time.

    Args:
        redis: the store.
        keys: names under the stack's prefix.
        counts_seconds: how long a known video's engagement is kept; counts that came before the video get it, too.
    """

    def __init__(self, redis: Redis, keys: Keys, counts_seconds: float = DEFAULT_COUNTS_SECONDS) -> None:
        self._redis = redis
        self._keys = keys
        self._counts_seconds = int(counts_seconds)
        self._register = redis.register_script(script_text("case"))

    async def register(self, accepted: Accepted) -> Registered:
        """Write status `pending` for a revision.

        Changes nothing where the same revision (perhaps decided already) or a newer one is known. No `action` is
        written: it is the policy's to say, with the first outcome.

        Returns:
            What became of it; a revision that is forgotten must not be accepted.
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
        return Registered(await mended(self._redis, broken, lambda: self._register(keys=keys, args=arguments)))

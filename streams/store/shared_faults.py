"""Errors of what all videos rest on, told apart from those of one video's own keys."""

from __future__ import annotations

from redis.exceptions import RedisError

from operators.internal_errors import SharedStateFault
from streams.store.key_repair import is_of_a_key


def is_shared(error: BaseException) -> bool:
    """Whether an error is of what all videos rest on, so that the process has to end."""
    if isinstance(error, SharedStateFault | MemoryError):
        return True
    return isinstance(error, RedisError) and not is_of_a_key(error)

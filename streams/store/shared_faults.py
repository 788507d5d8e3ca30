"""Distinguishes errors of state that all videos share from errors of one video's own keys."""

from __future__ import annotations

from redis.exceptions import RedisError

from operators.internal_errors import SharedStateFault
from streams.observability import metrics
from streams.store.key_repair import is_of_a_key


def is_shared(error: BaseException) -> bool:
    """Return whether an error concerns state that all videos share, so that the process must end."""
    if isinstance(error, SharedStateFault | MemoryError):
        return True
    return isinstance(error, RedisError) and not is_of_a_key(error)


def ends_repeated_work(error: BaseException) -> bool:
    """Whether an error ends the process out of work on one video that is done again later in any case: want of memory
    does not, as the work starts again without what it took."""
    return is_shared(error) and not isinstance(error, MemoryError)


def count_or_raise(error: Exception, step: str) -> None:
    """Count an unexpected error out of a step of repeated work on one video. Raises it if it `ends_repeated_work`."""
    if ends_repeated_work(error):
        raise error
    metrics.FOLD_FAULTS.labels(step).inc()

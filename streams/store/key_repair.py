"""Repairs keys with foreign content: another type of value, or text where a number belongs.

If a command fails over such a key, the key is removed and the command runs again: later events, or an audit, write
these keys again. The state of a video is not such a key, because a fold over a missing state would lose facts: see
`streams.store.gaps`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

import structlog
from redis.exceptions import NoPermissionError, ResponseError

from streams.observability import metrics
from streams.store.scripts import script_text

Answer = TypeVar("Answer")

STATUS: Final = "hash:revision"
DELETION_MARKER: Final = "string:#"
COUNT: Final = "string:#"
ATTEMPTS: Final = "hash:started,alone,died,starved,kills,died-before"
HASH: Final = "hash"
STRING: Final = "string"
SORTED_SET: Final = "zset"
SET: Final = "set"
VECTOR_SET: Final = "vectorset"
BIT_SET: Final = "vectorset:bin"

_OF_A_KEY: Final = re.compile(
    r"WRONGTYPE|attempt to (compare|perform|concatenate)|(is|are) not an? (integer|float|valid)|imension|quantization"
)
"""Redis' errors about a type, an invalid number, and a vector of another length or of other numbers. All other errors,
such as MISCONF or a missing right, concern the server or our user, and must not be attributed to a video."""
_ID: Final = re.compile(r"\{[^}]*\}")

_log = structlog.get_logger(__name__)


def is_of_a_key(error: BaseException) -> bool:
    """Return whether Redis failed over the content of a key, and not over its own state or our rights."""
    if not isinstance(error, ResponseError) or isinstance(error, NoPermissionError):
        return False
    return bool(_OF_A_KEY.search(str(error)))


async def repaired(redis: Any, keys: Mapping[str, str], call: Callable[[], Awaitable[Answer]]) -> Answer:
    """Run the call; if it fails over one of the keys, remove broken keys and run it once more.

    Args:
        redis: an asynchronous client.
        keys: keys that the call uses and that may be removed, with the type of each, see `repair.lua`.
        call: a command or a script; it must be repeatable after a failure.

    Raises:
        ResponseError: something else is wrong.
    """
    try:
        return await call()
    except ResponseError as error:
        if not is_of_a_key(error):
            raise
        removed = await redis.register_script(script_text("repair"))(keys=list(keys), args=list(keys.values()))
        if not removed:
            raise
        tell_removed(removed, error)
    return await call()


def repaired_now(redis: Any, keys: Mapping[str, str], error: BaseException) -> bool:
    """Remove broken keys with a blocking client; False if there are none."""
    if not is_of_a_key(error):
        return False
    removed = redis.register_script(script_text("repair"))(keys=list(keys), args=list(keys.values()))
    tell_removed(removed, error)
    return bool(removed)


def tell_removed(removed: list[Any], error: BaseException | str) -> None:
    """Log and count removed keys."""
    for name in removed:
        key = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
        metrics.STORE_KEYS_REMOVED.labels(_kind(key)).inc()
        _log.error("foreign content in a redis key of ours; key removed", key=key, error=str(error))


def _kind(key: str) -> str:
    """Return the kind of a key without ids, as the value of a label."""
    name = _ID.sub("", key[key.find("vs:") + 3 :])
    return name.strip(":").split(":")[0]

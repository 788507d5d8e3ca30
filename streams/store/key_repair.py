"""Keys that hold what we never write: another type of value, or no number where a number belongs.

Such a key is nobody's fault but its own. Where a command fails over one, it is removed and the command runs again: what
is under these keys is written again by later events, or by an audit. The state of a video is no such key, as a fold
over a state that is gone would lose facts: see `streams.store.gaps`.
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

_OF_A_KEY: Final = re.compile(
    r"WRONGTYPE|attempt to (compare|perform|concatenate)|(is|are) not an? (integer|float|valid)|imension"
)
"""What Redis says over a type, a number that is none, and a vector of another length. All else, such as MISCONF or a
right that is missing, is the server's state or ours: whoever took that for a key's would blame every video."""
_ID: Final = re.compile(r"\{[^}]*\}")

_log = structlog.get_logger(__name__)


def is_of_a_key(error: BaseException) -> bool:
    """Whether Redis failed over what is under a key, and not over its own state or our rights."""
    if not isinstance(error, ResponseError) or isinstance(error, NoPermissionError):
        return False
    return bool(_OF_A_KEY.search(str(error)))


async def mended(redis: Any, keys: Mapping[str, str], call: Callable[[], Awaitable[Answer]]) -> Answer:
    """Do the call; where it fails over one of the keys, remove what is broken and do it once more.

    Args:
        redis: an asynchronous client.
        keys: what the call touches and may be removed, with the type of each, see `mend.lua`.
        call: a command or a script; what it did before it failed it must be able to do again.

    Raises:
        ResponseError: something else is wrong.
    """
    try:
        return await call()
    except ResponseError as error:
        if not is_of_a_key(error):
            raise
        removed = await redis.register_script(script_text("mend"))(keys=list(keys), args=list(keys.values()))
        if not removed:
            raise
        tell_removed(removed, error)
    return await call()


def repaired_now(redis: Any, keys: Mapping[str, str], error: BaseException) -> bool:
    """The same for a client that waits: remove what is broken; False where nothing is."""
    if not is_of_a_key(error):
        return False
    removed = redis.register_script(script_text("mend"))(keys=list(keys), args=list(keys.values()))
    tell_removed(removed, error)
    return bool(removed)


def tell_removed(removed: list[Any], error: BaseException | str) -> None:
    """Log and count keys that were removed."""
    for name in removed:
        key = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
        metrics.STORE_KEYS_REMOVED.labels(_kind(key)).inc()
        _log.error("foreign content in a redis key of ours; key removed", key=key, error=str(error))


def _kind(key: str) -> str:
    """The kind of key without any id, as a value of a label."""
    name = _ID.sub("", key[key.find("vs:") + 3 :])
    return name.strip(":").split(":")[0]

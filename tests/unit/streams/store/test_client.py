"""What the store's client waits for, and what it raises."""

from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, ResponseError
from structlog.testing import capture_logs

from streams.store.client import ToldRetry, open_store, settled

NOT_NOW = (
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
    "MISCONF Errors writing to the AOF file: No space left on device",
    "NOREPLICAS Not enough good replicas to write.",
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "Command # 2 (SET key value) of pipeline caused error: MISCONF Errors writing to the AOF file",
)
NO_RIGHT = (
    NoPermissionError("User default has no permissions to run the 'hset' command"),
    NoPermissionError("No permissions to access a key"),
    ResponseError(
        "ACL failure in script: User default has no permissions to run the 'del' command script: 1, on @x:1."
    ),
)
FOR_GOOD = (
    ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value"),
    ResponseError("BUSYGROUP Consumer Group name already exists"),
    ResponseError("unknown command 'MISCONF'"),
)


@pytest.mark.parametrize("words", NOT_NOW)
async def test_a_store_that_takes_no_writes_now_is_waited_for(words: str) -> None:
    """A full disk or a lost replica says nothing of the event that met it: it is neither given up nor answered."""
    answers: list[Exception] = [ResponseError(words), ResponseError(words)]
    num_closed = 0

    async def ask() -> str:
        if answers:
            raise answers.pop()
        return "done"

    async def close(_error: Exception, _failures: int) -> None:
        nonlocal num_closed
        num_closed += 1

    with capture_logs() as logs:
        assert await ToldRetry().call_with_retry(ask, close, with_failure_count=True) == "done"
    assert num_closed == 2
    assert words in logs[0]["reason"]


@pytest.mark.parametrize("error", NO_RIGHT, ids=str)
async def test_a_right_that_is_missing_is_waited_for_and_named(error: Exception) -> None:
    """Like a wrong password, it is the operator's to mend, and no event is blamed for it."""
    answers = [error, error]

    async def ask() -> str:
        if answers:
            raise answers.pop()
        return "done"

    async def close(_error: Exception, _failures: int) -> None:
        """Nothing to clean up."""

    with capture_logs() as logs:
        assert await ToldRetry().call_with_retry(ask, close, with_failure_count=True) == "done"
    assert str(error) in logs[0]["reason"]
    assert "permissions" in logs[0]["event"]


async def test_a_right_that_a_pipeline_misses_is_waited_for() -> None:
    """There the client hands errors over among the answers."""
    store = open_store("redis://127.0.0.1:1")
    answers = [[b"1", NoPermissionError("No permissions to access a key")], [b"1", b"2"]]

    async def ask() -> list[Any]:
        return answers.pop(0)

    with capture_logs():
        assert await settled(store, ask) == [b"1", b"2"]
    await store.aclose()


async def test_a_command_of_a_person_does_not_wait_for_rights() -> None:
    """Anyone who opened the store without patience is told at once."""
    store: Redis = Redis()
    refusal = NoPermissionError("No permissions to access a key")

    async def ask() -> list[Any]:
        return [refusal]

    assert await settled(store, ask) == [refusal]
    await store.aclose()


@pytest.mark.parametrize("error", FOR_GOOD, ids=str)
async def test_what_no_waiting_mends_is_raised(error: Exception) -> None:
    """A key of another type is answered the same each time."""

    async def ask() -> str:
        raise error

    async def close(_error: Exception, _failures: int) -> None:
        raise AssertionError("nothing is tried again")

    with pytest.raises(type(error)) as raised:
        await ToldRetry().call_with_retry(ask, close, with_failure_count=True)
    assert raised.value is error

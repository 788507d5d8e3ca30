"""One query to Redis from a command that must be quick: an answer soon, or a message why there is none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from ops.cli.console import fail
from ops.cli.exit_codes import ExitCode
from streams.config.settings import Settings
from streams.store.quick_reads import QuestionRefused, QuickReads, StoreForbids, StoreUnavailable, answer_of

Answer = TypeVar("Answer")

ANSWER_SECONDS: Final = 5.0


def read_quickly(settings: Settings, question: Callable[[QuickReads], Awaitable[Answer]]) -> Answer:
    """Query, close, and return the answer; exits with a code if there is none."""

    async def ask() -> Answer:
        store = QuickReads(settings, ANSWER_SECONDS)
        try:
            return await question(store)
        finally:
            await store.aclose()

    try:
        return answer_of(ask())
    except StoreForbids as error:
        hint = "`vidsignal access redis` prints what each role is allowed"
        fail(f"Redis does not allow us that: {error}; {hint}", ExitCode.USAGE)
    except StoreUnavailable as error:
        fail(f"Redis does not answer at the address in VIDSIGNAL_REDIS_URL: {error}", ExitCode.UNAVAILABLE)
    except QuestionRefused as error:
        fail(f"Redis cannot answer: {error}", ExitCode.FOUND)

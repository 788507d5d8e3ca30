"""Tells the store that a worker died by itself.

`python -m streams.worker.note_death <JSON of what ran alone> <how it ended>`.

Run by the worker's parent process, with the worker's settings.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from importlib.metadata import version as installed_version
from typing import Final

import structlog
from redis.exceptions import RedisError

from streams.config.redis_options import store_options
from streams.config.settings import Settings, read_settings
from streams.delivery.attempts import DEATHS_ALONE_BEFORE_GIVING_UP, Attempts
from streams.engagement.batch_board import counted_range
from streams.engagement.store import note_counting_death
from streams.lifecycle.clock import SystemClock
from streams.lifecycle.fold_board import FoldedFact, folded_fact
from streams.observability.logs import configure_logs
from streams.store.client import open_store
from streams.store.gaps import Gaps
from streams.store.keys import Keys

NOTE_DEATH: Final = (sys.executable, "-P", "-m", "streams.worker.note_death")
_PATIENCE_SECONDS: Final = 10.0
"""The supervisor waits; a death that cannot be told counts as one from outside."""

_log = structlog.get_logger(__name__)


def note_death(settings: Settings, alone: Sequence[str], ended_by: str) -> None:
    """Count the death against what ran alone in the worker.

    Args:
        settings: of the worker.
        alone: what stood on its board.
        ended_by: for the log.
    """
    _log.critical("worker process died", ended_by=ended_by, was_exclusive=alone)
    try:
        asyncio.run(asyncio.wait_for(_note(settings, alone), _PATIENCE_SECONDS))
    except (TimeoutError, RedisError) as error:
        _log.error(
            "worker death not recorded; it counts as a kill from outside", error=repr(error), was_exclusive=alone
        )


async def _note(settings: Settings, alone: Sequence[str]) -> None:
    redis = open_store(settings.redis_url.get_secret_value(), store_options(settings))
    try:
        keys = Keys(settings.topic_prefix)
        attempts, gaps = Attempts(redis, keys), Gaps(redis, keys, installed_version("vidsignal"))
        for entry in alone:
            if (fact := folded_fact(entry)) is not None:
                await note_fold_death(attempts, gaps, fact)
            elif (found := counted_range(entry)) is not None:
                await note_counting_death(redis, keys, found)
            else:
                await attempts.note_death(entry)
    finally:
        await redis.aclose()


async def note_fold_death(attempts: Attempts, gaps: Gaps, fact: FoldedFact) -> None:
    """Count a death over a fact; where that was one too many, let it wait, so that no worker folds it."""
    deaths = await attempts.note_own_death(fact.place)
    if deaths < DEATHS_ALONE_BEFORE_GIVING_UP:
        return
    await gaps.wait_for_release(fact, "the worker", deaths, SystemClock().now_unix_seconds())


def main() -> None:
    """Note what the command line says."""
    settings = read_settings()
    configure_logs(settings.log_format, settings.log_level)
    note_death(settings, [str(key) for key in json.loads(sys.argv[1])], sys.argv[2])


if __name__ == "__main__":
    main()

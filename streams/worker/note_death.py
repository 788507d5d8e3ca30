"""Tells the store that a worker died by itself.

`python -m streams.worker.note_death <release> <JSON of what ran alone> <how it ended>`.

Run by the worker's parent process, with the worker's settings. An upgrade in place changes the files under a worker, so
its release was asked for when it started; parent processes of former releases name none.
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
from streams.delivery.attempts import Attempts
from streams.engagement.batch_board import counted_range
from streams.engagement.counting_deaths import note_counting_death
from streams.lifecycle.clock import SystemClock
from streams.lifecycle.fold_board import FoldedFact, folded_fact
from streams.lifecycle.own_deaths import EndKind, end_kind
from streams.lifecycle.release import release
from streams.observability.logs import configure_logs
from streams.store.client import open_store
from streams.store.fold_deaths import FactDeaths
from streams.store.gaps import Gaps
from streams.store.keys import Keys

_TIMEOUT_SECONDS: Final = 10.0
"""The supervisor waits; a death that cannot be told counts as one from outside."""

_log = structlog.get_logger(__name__)


def note_command() -> tuple[str, ...]:
    """What the parent process of this worker runs, followed by what ran alone and how it ended."""
    return (sys.executable, "-P", "-m", "streams.worker.note_death", release())


def note_death(settings: Settings, of_release: str, alone: Sequence[str], ended_by: str) -> None:
    """Count the death against what ran alone in the worker.

    Args:
        settings: of the worker.
        of_release: that the worker ran.
        alone: what stood on its board.
        ended_by: name of a signal, or `exit code <number>`.
    """
    _log.critical("worker process died", ended_by=ended_by, was_exclusive=alone)
    try:
        asyncio.run(asyncio.wait_for(_note(settings, of_release, alone, ended_by), _TIMEOUT_SECONDS))
    except (TimeoutError, RedisError) as error:
        _log.error(
            "worker death not recorded; it counts as a kill from outside", error=repr(error), was_exclusive=alone
        )


async def _note(settings: Settings, of_release: str, alone: Sequence[str], ended_by: str) -> None:
    end = end_kind(ended_by)
    redis = open_store(settings.redis_url.get_secret_value(), store_options(settings))
    try:
        keys = Keys(settings.topic_prefix)
        attempts, deaths, gaps = Attempts(redis, keys), FactDeaths(redis, keys), Gaps(redis, keys, of_release)
        for entry in alone:
            if (fact := folded_fact(entry)) is not None:
                if end is not None:
                    await note_fold_death(deaths, gaps, fact, end)
            elif (found := counted_range(entry)) is not None:
                if end is not None:
                    await note_counting_death(redis, keys, found, end)
            else:
                await attempts.note_death(entry)
    finally:
        await redis.aclose()


async def note_fold_death(deaths: FactDeaths, gaps: Gaps, fact: FoldedFact, end: EndKind) -> None:
    """Count a death over a fact; if there are enough, open a gap, so that no worker folds the fact."""
    found = await deaths.note(fact.place, end)
    if found.is_enough:
        await gaps.wait_for_release(fact, "the worker", found.number, SystemClock().now_unix_seconds())


def main() -> None:
    """Record what the command line contains."""
    settings = read_settings()
    configure_logs(settings.log_format, settings.log_level)
    *named, alone, ended_by = sys.argv[1:]
    note_death(settings, named[0] if named else installed_version("vidsignal"), json.loads(alone), ended_by)


if __name__ == "__main__":
    main()

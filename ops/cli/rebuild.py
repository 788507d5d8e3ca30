"""`vidsignal rebuild`: fill Redis from the topics."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis

from ops.cli.console import clean_interrupt, err, fail, out, settings_or_exit
from ops.cli.exit_codes import ExitCode
from ops.cli.store_once import read_once
from streams.apps import group_of
from streams.kafka_clients import BrokerAway
from streams.rebuild import Rebuilt, rebuild_store
from streams.settings import Settings
from streams.store.applied import AppliedOffsets
from streams.store.deadlines import Deadlines
from streams.store.keys import Keys
from streams.store.outcomes import Outcomes
from streams.verdict.cost import Prices
from streams.verdict.policy_checks import InvalidPolicy
from streams.verdict.policy_file import load_policy
from streams.verdict.role import Ruleset


def rebuild() -> None:
    """Fill a Redis that is empty or was restored from an older state, from the compacted topics and the log.

    Stop the workers of the verdict role first; one that starts while Redis misses facts refuses with exit code 78.
    Running it twice changes nothing.
    """
    settings = settings_or_exit()
    try:
        ruleset = Ruleset(load_policy(settings.policy_file), Prices.from_settings(settings), settings.log_generation)
    except InvalidPolicy as error:
        fail(str(error), ExitCode.USAGE)
    with clean_interrupt():
        err.print("reading the topics ...")
        try:
            videos = asyncio.run(read_once(settings, lambda redis: _rebuild(settings, ruleset, redis)))
        except BrokerAway as error:
            fail(str(error), ExitCode.AWAY)
    sealed = sum(video.is_sealed for video in videos)
    out.print(f"{len(videos)} videos are in Redis again; the facts behind {sealed} of them are gone from the log")


async def _rebuild(settings: Settings, ruleset: Ruleset, redis: Redis) -> tuple[Rebuilt, ...]:
    keys = Keys(settings.topic_prefix)
    applied = AppliedOffsets(redis, keys, group_of(settings, "verdict"))
    return await rebuild_store(settings, ruleset, Outcomes(redis, keys), Deadlines(redis, keys), applied)

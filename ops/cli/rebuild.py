"""`vidsignal rebuild`: fills Redis from the topics."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ops.cli.console import clean_interrupt, err, fail, out, settings_or_exit
from ops.cli.exit_codes import ExitCode
from ops.cli.unreadable_lines import end
from ops.cli.with_redis import read_once
from schemas.counted import counted
from streams.config.settings import Settings
from streams.kafka.clients import BrokerUnavailable
from streams.kafka.unreadable import UnreadableRecords

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from ops.cli.survived import Survived
    from streams.decision.ruleset import Ruleset
    from streams.recovery.rebuild import RebuildProgress


def rebuild() -> None:
    """Fill a Redis that is empty or was restored from an older state, from the compacted topics and the log.

    Uploads may continue meanwhile. A verdict worker that starts while Redis lacks facts exits with code 78; its
    supervisor restarts it until the rebuild is complete, or you do. States that are further in the log, or equal to its
    result, stay: a second run changes nothing.

    Exit code 1 if a record cannot be read or a video cannot be folded, such as those of a newer release and those over
    which the process died twice: these are skipped and named, and the facts of such a video wait.
    """
    from ops.cli.ruleset import ruleset_or_exit
    from ops.cli.survived import in_surviving_child

    settings = settings_or_exit()
    ruleset = ruleset_or_exit(settings)
    survived = in_surviving_child()
    unreadable = UnreadableRecords()
    with clean_interrupt():
        try:
            done = asyncio.run(
                read_once(settings, lambda redis: _rebuild(settings, ruleset, redis, unreadable, survived))
            )
        except BrokerUnavailable as error:
            fail(str(error), ExitCode.UNAVAILABLE)
    _tell_result(done)
    _tell_left_out(survived)
    end(unreadable, is_found=bool(done.videos_unfolded))


def _tell_result(done: RebuildProgress) -> None:
    out.print(
        f"found in the topics: {counted(done.videos_read, 'video')}; written to Redis: {done.videos_written}; "
        f"without their facts, which are gone from the log: {done.videos_sealed}"
    )
    if done.videos_contradicted:
        out.print(
            f"published otherwise than their facts say: {counted(done.videos_contradicted, 'video')}; run"
            " `vidsignal audit --repair`, or leave it to the background audit"
        )
    if done.videos_unfolded:
        err.print(f"cannot be folded, so facts wait: {counted(done.videos_unfolded, 'video')}; see `vidsignal audit`")


def _tell_left_out(survived: Survived) -> None:
    for fact in survived.deadly.values():
        err.print(
            f"video {fact.video_id} is left out, and its facts wait: the process died twice while it folded offset"
            f" {fact.place.offset} of partition {fact.place.partition}",
            markup=False,
            soft_wrap=True,
        )


async def _rebuild(
    settings: Settings, ruleset: Ruleset, redis: Redis, unreadable: UnreadableRecords, survived: Survived
) -> RebuildProgress:
    from ops.cli.rebuild_stores import rebuild_stores
    from streams.recovery.rebuild import FoldDeaths, rebuild_store

    stores = rebuild_stores(settings, redis)
    deaths = FoldDeaths(survived.board, survived.deadly)
    return await rebuild_store(settings, ruleset, stores, _tell, unreadable, deaths)


def _tell(progress: RebuildProgress) -> None:
    err.print(
        f"partition {progress.partitions_done} of {progress.num_partitions}:"
        f" {counted(progress.videos_read, 'video')} read, {progress.videos_written} written"
    )

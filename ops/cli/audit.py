"""`vidsignal audit`: compares topics, log and Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.console import clean_interrupt, fail, out, print_json, settings_or_exit
from ops.cli.exit_codes import ExitCode
from ops.cli.unreadable_lines import end
from ops.cli.with_redis import read_once
from schemas.counted import counted
from streams.config.settings import Settings
from streams.kafka.clients import BrokerUnavailable, producer_configuration, require_broker

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from streams.recovery.audit import Audited, AuditFinding


def audit(
    repair: Annotated[bool, typer.Option("--repair", help="Repair what differs.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object a finding.")] = False,
) -> None:
    """Compare the log, the compacted topics and Redis, video by video.

    Exit code 0 without a difference, 1 if something differs or a record cannot be read, 3 if a broker or the store is
    unavailable. Processing may continue meanwhile: changes in progress are not reported.

    With --repair the store gets the result of the log, and the topics the store's outcome; exit code 0 then. A verdict
    that was published over lost facts is decided again by a verdict worker, under a higher version.
    """
    from ops.cli.rebuild_stores import gaps_of, rebuild_stores
    from ops.cli.ruleset import ruleset_or_exit
    from streams.kafka.publisher import Publisher
    from streams.recovery.audit import Audit

    settings = settings_or_exit()
    ruleset = ruleset_or_exit(settings)

    def tell(finding: AuditFinding) -> None:
        if json_output:
            print_json({"video_id": finding.video_id, "problem": finding.problem, "words": finding.words})
        else:
            out.print(f"{finding.video_id}  {finding.problem}: {finding.words}", markup=False, soft_wrap=True)

    async def run(redis: Redis) -> Audited:
        publisher = Publisher(producer_configuration(settings), settings.topic_prefix)
        try:
            stores = rebuild_stores(settings, redis)
            work = Audit(settings, ruleset, stores, publisher, gaps_of(settings, redis))
            return await work.run(is_repairing=repair, tell=tell)
        finally:
            await publisher.close()

    with clean_interrupt():
        audited = _run(settings, run)
    if not json_output:
        done = " and repaired" if repair and audited.findings else ""
        out.print(f"{counted(audited.videos, 'video')} looked at, {counted(len(audited.findings), 'finding')}{done}")
    is_left = any(finding.problem == "not-foldable" for finding in audited.findings)
    end(audited.unreadable, is_found=is_left or bool(audited.findings and not repair))


def _run(settings: Settings, run: Callable[[Redis], Awaitable[Audited]]) -> Audited:
    try:
        require_broker(settings)
        return asyncio.run(read_once(settings, run))
    except BrokerUnavailable as error:
        fail(str(error), ExitCode.UNAVAILABLE)

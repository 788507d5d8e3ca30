"""`vidsignal reprocess`: analyses past uploads with the current models, at backfill priority."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
import typer

from models.card_errors import CardInvalid
from ops.cli.console import clean_interrupt, err, fail, out, print_json, settings_or_exit
from ops.cli.exit_codes import ExitCode
from ops.cli.with_redis import read_once
from schemas.counted import counted
from schemas.topics import UPLOADED
from streams.backfill.jobs import Job, JobFilter, Jobs
from streams.backfill.progress import JobProgress, backfill_offsets, progress_of
from streams.config.settings import Settings
from streams.decision.policy_checks import InvalidPolicy
from streams.kafka.clients import BrokerUnavailable, partitions_of, require_broker
from streams.store.keys import Keys

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient
    from redis.asyncio import Redis

    from streams.backfill.backfill_publishing import JobSelection, PublishStats
    from streams.backfill.past_uploads import PastUpload

app = typer.Typer(help="Analyse past uploads with the current models, at backfill priority.")

Answer = TypeVar("Answer")
JsonOption = Annotated[bool, typer.Option("--json", help="JSON objects instead of words.")]

_WORDS = {
    "forgotten": "were forgotten",
    "superseded": "have a higher revision",
    "unfinished": "are still worked on, or wait for a modality",
    "sealed": "were rebuilt without their facts: publish them under a higher revision",
    "up-to-date": "are up to date",
}


@app.callback(invoke_without_command=True)
def reprocess(
    context: typer.Context,
    since: Annotated[str | None, typer.Option(help="Uploads from this time on (UTC): 2026-11-01T12:30.")] = None,
    until: Annotated[str | None, typer.Option(help="And before this one.")] = None,
    model: Annotated[str | None, typer.Option(help="Only results of another version of this model.")] = None,
    space: Annotated[str | None, typer.Option(help="Only videos without a vector in this embedding space.")] = None,
    market: Annotated[str | None, typer.Option(help="Only uploads of this market.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many.")] = None,
    every: Annotated[bool, typer.Option("--every", help="Also those that are up to date or unfinished.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count; send nothing.")] = False,
    json_output: JsonOption = False,
) -> None:
    """Send past uploads to the backfill role, which works when no live upload is in flight.

    It sends the newest revision of each video that is still in `video.uploaded` and whose results come from other
    models, code or sampling than the current ones. `list`, `status`, `pause` and `resume` control the jobs.
    """
    if context.invoked_subcommand is not None:
        return
    if since is None:
        fail("say since when, such as --since 2026-11-01; --help tells the rest", ExitCode.USAGE)
    asked = JobFilter(
        since_unix_seconds=_unix_seconds(since),
        until_unix_seconds=None if until is None else _unix_seconds(until),
        model=model, space=space, market=market, limit=limit, is_every=every,
    )  # fmt: skip
    settings = settings_or_exit()
    _tell_what_is_gone(settings, asked)
    job, tally = _ask(settings, lambda redis: _send(settings, redis, asked, is_dry=dry_run))
    if json_output:
        print_json({"job": job, "num_chosen": tally.num_chosen, "skipped": dict(tally.skipped), "is_dry": dry_run})
        return
    _print_tally(tally, job)


@app.command("list")
def list_jobs(json_output: JsonOption = False) -> None:
    """List the jobs of the last 30 days with their progress."""
    settings = settings_or_exit()
    found = _ask(settings, lambda redis: _looks(settings, redis, None))
    if json_output:
        for job, progress in found:
            print_json(_as_json(job, progress))
        return
    from rich.table import Table

    table = Table("job", "state", "done", "uploads", "began", "asked for")
    for job, progress in found:
        table.add_row(
            job.job_id, progress.state, f"{progress.done_ratio:.0%}", str(job.num_sent),
            _moment(job.created_unix_seconds), _spelt(job.filter),
        )  # fmt: skip
    out.table(table) if found else out.print("no job in the last 30 days")


@app.command()
def status(
    job_id: Annotated[str, typer.Argument(help="Its id, as `list` shows it.")], json_output: JsonOption = False
) -> None:
    """Show progress, rate and remaining time of one job."""
    settings = settings_or_exit()
    found = _ask(settings, lambda redis: _looks(settings, redis, job_id))
    if not found:
        fail(f"there is no job {job_id!r}; `vidsignal reprocess list` lists them", ExitCode.USAGE)
    [(job, progress)] = found
    if json_output:
        print_json(_as_json(job, progress))
        return
    for line in _lines(job, progress):
        out.print(line, markup=False, soft_wrap=True)


@app.command()
def pause() -> None:
    """Stop the backfill role from starting new work on all workers, for all jobs; work in flight ends."""
    settings = settings_or_exit()
    _ask(settings, lambda redis: _jobs(settings, redis).pause())
    out.print("the backfill lane is paused, with all of its jobs; `vidsignal reprocess resume` lets it go on")


@app.command()
def resume() -> None:
    """Resume the backfill role."""
    settings = settings_or_exit()
    _ask(settings, lambda redis: _jobs(settings, redis).resume())
    out.print("the backfill lane goes on")


async def _send(settings: Settings, redis: Redis, asked: JobFilter, *, is_dry: bool) -> tuple[Job | None, PublishStats]:
    from streams.backfill.backfill_publishing import only_choose, send_again  # the models' versions import torch

    choice = _choice(settings, redis, asked)
    admin = await asyncio.to_thread(require_broker, settings)  # a producer would wait for it, and print that
    uploads = _uploads(settings, admin, asked)
    if is_dry:
        return None, await only_choose(uploads, choice, _tell)
    created = time.time()
    job_id = f"{datetime.fromtimestamp(created, UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    job = Job(job_id=job_id, created_unix_seconds=created, filter=asked)
    return await send_again(settings, uploads, choice, job, _jobs(settings, redis), _tell)


def _choice(settings: Settings, redis: Redis, asked: JobFilter) -> JobSelection:
    from streams.backfill.backfill_publishing import JobSelection
    from streams.backfill.current_versions import UnknownModel, asked_versions

    try:
        return JobSelection(redis, Keys(settings.topic_prefix), asked, asked_versions(asked, settings))
    except (CardInvalid, InvalidPolicy, UnknownModel) as error:
        fail(str(error), ExitCode.USAGE)


def _uploads(settings: Settings, admin: AdminClient, asked: JobFilter) -> Iterator[PastUpload]:
    from streams.backfill.past_uploads import past_uploads

    topic = settings.topic_prefix + UPLOADED.name
    for partition in partitions_of(admin, topic):
        yield from past_uploads(settings, partition, asked)


async def _looks(settings: Settings, redis: Redis, job_id: str | None) -> list[tuple[Job, JobProgress]]:
    jobs = _jobs(settings, redis)
    named = await jobs.read_all() if job_id is None else [await jobs.read(job_id)]
    is_paused = await jobs.is_paused()
    committed = backfill_offsets(settings)
    now = time.time()
    return [
        (job, progress_of(job, committed, is_paused=is_paused, now_unix_seconds=now))
        for job in named
        if job is not None
    ]


def _jobs(settings: Settings, redis: Redis) -> Jobs:
    return Jobs(redis, Keys(settings.topic_prefix))


def _ask(settings: Settings, question: Callable[[Redis], Awaitable[Answer]]) -> Answer:
    with clean_interrupt():
        try:
            return asyncio.run(read_once(settings, question))
        except BrokerUnavailable as error:
            fail(str(error), ExitCode.UNAVAILABLE)


def _tell_what_is_gone(settings: Settings, asked: JobFilter) -> None:
    days = settings.topic_retention_uploaded_seconds / 86_400
    if time.time() - asked.since_unix_seconds > settings.topic_retention_uploaded_seconds:
        err.print(f"uploads are kept for {days:g} days; older ones have to be published again by their producers")


def _tell(tally: PublishStats) -> None:
    err.print(f"{tally.num_chosen} chosen, {tally.skipped.total()} passed over")


def _print_tally(tally: PublishStats, job: Job | None) -> None:
    for reason, number in tally.skipped.most_common():
        out.print(f"{number} {_WORDS[reason]}", markup=False)
    if job is None:
        named = f", such as {', '.join(tally.examples)}" if tally.examples else ""
        out.print(f"{tally.num_chosen} would be sent again{named}", markup=False, soft_wrap=True)
    else:
        out.print(f"{job.num_sent} sent again; `vidsignal reprocess status {job.job_id}` says how it goes on")


def _lines(job: Job, progress: JobProgress) -> list[str]:
    lines = [
        f"{job.job_id}  {progress.state}  {progress.done_ratio:.1%}",
        f"asked for  {_spelt(job.filter)}",
        f"began      {_moment(job.created_unix_seconds)}",
        f"uploads    {job.num_sent} sent; {progress.num_done} of {counted(progress.num_records, 'record')} done",
    ]
    if progress.records_per_second is not None:
        lines.append(f"rate       {progress.records_per_second:.2f} a second since it began")
    if progress.eta_seconds is not None:
        lines.append(f"left       about {progress.eta_seconds / 60:.1f} min")
    return lines


def _as_json(job: Job, progress: JobProgress) -> dict[str, Any]:
    derived = {"done_ratio": progress.done_ratio, "eta_seconds": progress.eta_seconds}
    return {**msgspec.to_builtins(job), **asdict(progress), **derived}


def _spelt(asked: JobFilter) -> str:
    words = [f"since {_moment(asked.since_unix_seconds)}"]
    if asked.until_unix_seconds is not None:
        words.append(f"until {_moment(asked.until_unix_seconds)}")
    named = {"model": asked.model, "space": asked.space, "market": asked.market, "limit": asked.limit}
    words += [f"{name} {value}" for name, value in named.items() if value is not None]
    return ", ".join([*words, *(["every"] if asked.is_every else [])])


def _moment(unix_seconds: float) -> str:
    return f"{datetime.fromtimestamp(unix_seconds, UTC):%Y-%m-%d %H:%M:%S}Z"


def _unix_seconds(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{text!r} is no time; write 2026-11-01 or 2026-11-01T12:30, which is UTC", ExitCode.USAGE)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

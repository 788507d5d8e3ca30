"""`vidsignal projection`: the results of a run, in a form in which runs can be compared."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import typer

from ops.cli.console import fail, out, settings_or_exit
from ops.cli.exit_codes import ExitCode
from ops.cli.unreadable_lines import end
from ops.cli.with_redis import read_once
from streams.config.settings import Settings
from streams.kafka.clients import BrokerUnavailable
from streams.kafka.unreadable import UnreadableRecords
from streams.recovery.result_comparison import (
    Projection,
    Projections,
    Tolerances,
    compare,
    read_projection_from_redis,
    read_projection_from_topics,
)
from streams.store.keys import Keys

app = typer.Typer(help="Compare the results of two runs, or of store and topics.", no_args_is_help=True)

Source = Literal["redis", "topics"]


@app.command()
def dump(
    source: Annotated[Source, typer.Option("--from", help="Where to read.")] = "redis",
    output: Annotated[Path | None, typer.Option(help="File to write; standard output by default.")] = None,
) -> None:
    """Write labels, action, modalities, features and embeddings of every video as one JSON object.

    Times, costs, attempts and versions are left out: they may differ between equal runs. Records that cannot be read
    are skipped and named; exit code 1 then.
    """
    unreadable = UnreadableRecords()
    content = msgspec.json.encode(_read(settings_or_exit(), source, unreadable)) + b"\n"
    if output is not None:
        output.write_bytes(content)
    else:
        typer.echo(content, nl=False)
    end(unreadable)


@app.command("compare")
def compare_runs(
    first: Annotated[str, typer.Argument(help="A dumped file, or `redis` or `topics` of the running stack.")],
    second: Annotated[str, typer.Argument(help="What to hold against it.")],
    score_tolerance: Annotated[float, typer.Option(help="Largest difference of scores.")] = Tolerances().score,
) -> None:
    """Print the differences between two projections, one per line; exit code 1 if there are any."""
    settings, unreadable = settings_or_exit(), UnreadableRecords()
    expected, found = (_load(settings, name, unreadable) for name in (first, second))
    lines = compare(expected, found, Tolerances(score=score_tolerance))
    for line in lines:
        out.print(line, markup=False, soft_wrap=True)
    if not lines:
        out.print("the same")
    end(unreadable, is_found=bool(lines))


def _load(settings: Settings, name: str, unreadable: UnreadableRecords) -> Projections:
    if name == "redis":
        return _read(settings, "redis", unreadable)
    if name == "topics":
        return _read(settings, "topics", unreadable)
    try:
        return msgspec.json.decode(Path(name).read_bytes(), type=dict[str, Projection])
    except (OSError, msgspec.DecodeError) as error:
        fail(f"{name}: {error}; expected a dumped file, `redis` or `topics`", ExitCode.USAGE)


def _read(settings: Settings, source: Source, unreadable: UnreadableRecords) -> Projections:
    if source == "redis":
        keys = Keys(settings.topic_prefix)
        return asyncio.run(read_once(settings, lambda store: read_projection_from_redis(store, keys)))
    try:
        return read_projection_from_topics(settings, unreadable)
    except BrokerUnavailable as error:
        fail(str(error), ExitCode.UNAVAILABLE)

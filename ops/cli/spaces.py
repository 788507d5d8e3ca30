"""`vidsignal spaces`: the embedding spaces, and the migration from one to its successor."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.console import clean_interrupt, fail, out, print_json, settings_or_exit
from ops.cli.exit_codes import ExitCode
from ops.cli.with_redis import read_once
from schemas.counted import counted
from streams.similarity.spaces import Migration, Space, UnknownSpace, drop_space, read_migration, read_spaces
from streams.store.keys import Keys

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from rich.table import Table

app = typer.Typer(help="Embedding spaces: one vector set each, never mixed.", no_args_is_help=True)


@app.command("list")
def list_spaces(
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object a space.")] = False,
) -> None:
    """List the spaces with their number of videos."""
    settings = settings_or_exit()
    keys = Keys(settings.topic_prefix)
    with clean_interrupt():
        spaces = asyncio.run(read_once(settings, lambda store: read_spaces(store, keys)))
    if json_output:
        for space in spaces:
            print_json(space)
        return
    out.table(_table(spaces)) if spaces else out.print("no video has an embedding yet")


@app.command()
def migrate(
    old: Annotated[str, typer.Argument(help="The space that goes.")],
    new: Annotated[str, typer.Argument(help="The space that comes.")],
    drop_old: Annotated[bool, typer.Option("--drop-old", help="Remove the old space if it is empty.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show how many videos have a vector in the new space; exit code 1 while some are only in the old one.

    Scans all videos without blocking other clients; run it again to see the progress.
    """
    settings = settings_or_exit()
    keys = Keys(settings.topic_prefix)

    async def ask(store: Redis) -> Migration:
        migration = await read_migration(store, keys, old, new)
        if drop_old and migration.is_complete:
            await drop_space(store, keys, old)
        return migration

    try:
        with clean_interrupt():
            migration = asyncio.run(read_once(settings, ask))
    except UnknownSpace as error:
        fail(str(error), ExitCode.USAGE)
    _print(migration, is_dropped=drop_old and migration.is_complete, json_output=json_output)
    if not migration.is_complete:
        raise typer.Exit(ExitCode.FOUND)


def _table(spaces: list[Space]) -> Table:
    from rich.table import Table

    table = Table("space", "dimensions", "videos", "share of the largest")
    most = max(space.num_videos for space in spaces)
    for space in spaces:
        table.add_row(space.name, str(space.dimensions), str(space.num_videos), f"{space.num_videos / most:.0%}")
    return table


def _print(migration: Migration, *, is_dropped: bool, json_output: bool) -> None:
    if json_output:
        print_json({**asdict(migration), "is_complete": migration.is_complete, "is_old_dropped": is_dropped})
        return
    for line in _lines(migration, is_dropped):
        out.print(line, markup=False, soft_wrap=True)


def _lines(migration: Migration, is_dropped: bool) -> list[str]:
    lines = [
        f"in {migration.new}: {counted(migration.num_new, 'video')} ({migration.done_ratio:.1%}), "
        f"in {migration.old} alone: {migration.num_missing}, in both: {migration.num_both}"
    ]
    if migration.num_strays:
        lines.append(f"of videos that the store has lost: {counted(migration.num_strays, 'vector')} in {migration.old}")
    if not migration.is_complete:
        lines.append(f"missing: {', '.join(migration.examples)}{' ...' if migration.num_missing > 5 else ''}")
        lines.append(f"they move when the present model has analysed them: {reprocess_command(migration.new)}")
        lines.append("whose upload is no longer kept has to be published again, under a higher revision")
    elif is_dropped:
        lines.append(f"complete; {migration.old} is removed")
    else:
        lines.append("complete; --drop-old removes the old space")
    return lines


def reprocess_command(space: str) -> str:
    """Return the command that sends the missing videos again, as far back as uploads are kept."""
    first = datetime.now(UTC) - timedelta(seconds=settings_or_exit().topic_retention_uploaded_seconds)
    return f"vidsignal reprocess --since {first:%Y-%m-%d} --space {space}"

"""`vidsignal`: the command line. Each command is one file; this one lists them."""

from __future__ import annotations

import sys
from typing import Annotated

import structlog
import typer

from ops.cli import (
    access,
    analyze,
    audit,
    bench,
    costs,
    dead_letters,
    demo,
    doctor,
    engagement,
    forget,
    local,
    models,
    policy,
    projection,
    publish,
    rebuild,
    reprocess,
    review,
    show,
    similar,
    size,
    spaces,
    top,
    topics,
    watch,
    worker,
)

app = typer.Typer(
    name="vidsignal",
    help="Uploaded videos become moderation and recommendation signals, on Kafka and Redis.",
    epilog="Exit codes: 0 done; 1 done, and something wrong was found; 2 wrong arguments or settings; "
    "3 a broker, a store or a package index is away; 130 interrupted. "
    "Settings come from VIDSIGNAL_... and vidsignal.toml.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)

app.command("demo")(demo.demo)
app.command("local")(local.local)
app.command("worker")(worker.worker)
app.command("publish")(publish.publish)
app.command("analyze")(analyze.analyze)
app.command("watch")(watch.watch)
app.command("show")(show.show)
app.command("similar")(similar.similar)
app.add_typer(spaces.app, name="spaces")
app.command("review")(review.review)
app.command("forget")(forget.forget)
app.add_typer(reprocess.app, name="reprocess")
app.add_typer(topics.app, name="topics")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(engagement.app, name="engagement")
app.add_typer(policy.app, name="policy")
app.add_typer(models.app, name="models")
app.add_typer(projection.app, name="projection")
app.add_typer(access.app, name="access")
app.command("rebuild")(rebuild.rebuild)
app.command("audit")(audit.audit)
app.command("costs")(costs.costs)
app.command("doctor")(doctor.doctor)
app.command("top")(top.top)
app.command("size")(size.size)
app.command("bench")(bench.bench)


@app.callback(invoke_without_command=True)
def _options(version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False) -> None:
    # What a command prints is its answer; logs of what it calls are not. A worker has its own way with logs.
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    if version:
        from importlib.metadata import version as installed_version

        typer.echo(f"vidsignal {installed_version('vidsignal')}")
        raise typer.Exit


def main() -> None:
    """Entry point of the console script."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)

"""`vidsignal worker`: one process that runs roles."""

from __future__ import annotations

from typing import Annotated, get_args

import typer

from ops.cli.console import settings_or_exit
from streams.config.settings import Device


def worker(
    roles: Annotated[
        str | None, typer.Option(help="Comma-separated: intake, media, backfill, verdict, engagement. All by default.")
    ] = None,
    device: Annotated[str | None, typer.Option(help=f"One of: {', '.join(get_args(Device))}.")] = None,
) -> None:
    """Run roles until SIGTERM or Ctrl-C; prints one JSON line when models are warm and its groups are joined.

    Exit codes: 0 stopped; 2 settings, policy, versions or weights are wrong; 70 crashed and wants to be restarted;
    71 was stuck, with its stacks in the log, and wants to be restarted; 72 its accelerator is lost; 75 its stop took
    too long, and its log says what hung; 78 Redis lost what Kafka remembers: run `vidsignal rebuild`.
    """
    from streams.lifecycle.collector import collector_paused

    with collector_paused():
        from streams.worker.worker import run_worker

    raise typer.Exit(run_worker(settings_or_exit(roles=roles, device=device)))

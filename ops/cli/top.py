"""`vidsignal top`: live view of the workers."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.console import clean_interrupt, fail, out, print_json, settings_or_exit
from ops.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ops.top.history import History
    from ops.top.keyboard import Wait
    from ops.top.rows import Frame

_LOOPBACK = "127.0.0.1"


def top(
    worker: Annotated[
        list[str] | None, typer.Option(help="host:port of a worker's metrics; repeat for more. Else the settings'.")
    ] = None,
    targets: Annotated[
        Path | None, typer.Option(help="File of addresses: Prometheus' file_sd (JSON, YAML) or one a line.")
    ] = None,
    interval: Annotated[float, typer.Option(min=0.2, max=300, help="Seconds between two frames.")] = 2.0,
    window: Annotated[float, typer.Option(min=0.2, max=3600, help="Seconds over which rates are taken.")] = 30.0,
    slowest: Annotated[int, typer.Option(min=0, max=100, help="How many unfinished videos to list.")] = 10,
    once: Annotated[bool, typer.Option("--once", help="One frame, after one interval, and leave.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object a frame.")] = False,
) -> None:
    """Show rates, lag, stages, slots, batches, verdicts, dead letters, cost and the slowest videos of the workers.

    `q` or Ctrl-C quits. Exit code of --once: 3 if no worker answered.
    """
    from ops.top.history import History
    from ops.top.keyboard import keyboard

    looks = _Looks(_addresses(worker, targets), History(max(window, interval)), slowest)
    with clean_interrupt(), keyboard() as wait:
        frame = looks.look()
        if once:
            wait(interval)
            frame = looks.look()
            _print(frame, json_output)
        elif json_output or not out.rich.is_terminal:
            _follow(looks, wait, interval, lambda frame: _print(frame, json_output), frame)
        else:
            from rich.live import Live

            with Live(console=out.rich, screen=True, auto_refresh=False) as live:
                _follow(looks, wait, interval, lambda frame: live.update(_view(frame), refresh=True), frame)
    if once and not frame.num_up:
        raise typer.Exit(ExitCode.UNAVAILABLE)


class _Looks:
    """Frames of the same workers, one after another."""

    def __init__(self, addresses: list[str], history: History, num_slowest: int) -> None:
        self._addresses = addresses
        self._history = history
        self._num_slowest = num_slowest

    def look(self) -> Frame:
        """Query all workers now."""
        from ops.top.frame import frame_of
        from ops.top.scrape import scrape_all

        return frame_of(self._history.add(scrape_all(self._addresses)), time.time(), self._num_slowest)


def _follow(looks: _Looks, wait: Wait, interval: float, show: Callable[[Frame], None], first: Frame) -> None:
    show(first)
    while not wait(interval):
        show(looks.look())


def _print(frame: Frame, json_output: bool) -> None:
    if json_output:
        print_json(frame)
    else:
        out.print(_view(frame))


def _view(frame: Frame) -> RenderableType:
    from ops.top.view import view_of

    return view_of(frame, out.rich.width)


def _addresses(workers: list[str] | None, targets: Path | None) -> list[str]:
    from ops.top.targets import InvalidTargets, checked, read_targets

    try:
        named = checked([*(workers or []), *(read_targets(targets) if targets else [])])
    except InvalidTargets as error:
        fail(str(error), ExitCode.USAGE)
    return named or [_local_worker()]


def _local_worker() -> str:
    settings = settings_or_exit()
    if not settings.metrics_port:
        fail(
            "no worker to look at: name one with --worker host:port, or set VIDSIGNAL_METRICS_PORT as the worker has "
            "it (its ready line says which port it took)",
            ExitCode.USAGE,
        )
    host = settings.metrics_host
    return f"{_LOOPBACK if host in ('', '0.0.0.0', '::') else host}:{settings.metrics_port}"  # noqa: S104  (compared)

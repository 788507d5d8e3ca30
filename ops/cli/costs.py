"""`vidsignal costs`: the cost of videos, from the receipts in the log."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.console import clean_interrupt, fail, out, print_json, settings_or_exit
from ops.cli.exit_codes import ExitCode
from ops.cli.plot_option import draw_or_exit, require_plot
from ops.costs.pieces import Grouping, Piece
from ops.costs.plot import plot_costs
from ops.costs.read_log import read_pieces
from ops.costs.roll_up import RollUp, Sums, roll_up
from ops.costs.since import since_unix_seconds
from streams.config.settings import Settings
from streams.kafka.clients import BrokerUnavailable

if TYPE_CHECKING:
    from rich.table import Table

_DAY_SECONDS = 86_400.0
_MOST_ROWS = 25


def costs(
    since: Annotated[str | None, typer.Option(help="Only signals made since: 30m, 24h, 7d, or 2026-11-01.")] = None,
    by: Annotated[Grouping, typer.Option(help="What the rows are.")] = "stage",
    rate: Annotated[float, typer.Option(min=0, help="Videos a second, for the cost of a day.")] = 1.0,
    plot: Annotated[Path | None, typer.Option(help="Write a picture, too: a file that ends in .png or .svg.")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object, all groups in it.")] = False,
) -> None:
    """Add up CPU time, device time, bytes, dollars and joules of the videos in the log.

    Every distinct signal counts, including older revisions. What a worker uses in addition (start, idle time, roles
    without media) is on no receipt; the metric vidsignal_cpu_seconds_total has it.
    """
    require_plot(plot)
    settings = settings_or_exit()
    found = roll_up(_read(settings, since), by)
    if plot is not None:
        draw_or_exit(partial(plot_costs, found), plot)
    if json_output:
        print_json({"roll_up": found, "rate_hz": rate, "usd_per_day": _usd_per_day(found, rate)})
    else:
        _print(found, rate)


def _read(settings: Settings, since: str | None) -> list[Piece]:
    try:
        begin = since_unix_seconds(since, time.time()) if since else 0.0
    except ValueError as error:
        fail(str(error), ExitCode.USAGE)
    try:
        with clean_interrupt():
            return read_pieces(settings, begin)
    except BrokerUnavailable as error:
        fail(str(error), ExitCode.UNAVAILABLE)


def _usd_per_day(found: RollUp, rate_hz: float) -> float:
    return found.per_video(found.total.usd) * rate_hz * _DAY_SECONDS


def _print(found: RollUp, rate_hz: float) -> None:
    total = found.total
    if not total.num_videos:
        out.print("no signals in the log, or none since then")
        return
    out.table(_table(found))
    modelled = found.modelled_joules / total.joules if total.joules else 1.0
    meters = "all by the price table" if modelled > 0.999 else f"{1 - modelled:.0%} by meters"
    per_video = found.per_video(total.usd)
    out.print(
        f"a video: {found.per_video(total.cpu_seconds):.3f} CPU s, ${per_video:.3g}, "
        f"{found.per_video(total.joules):.2f} J (joules {meters})\n"
        f"a thousand videos: ${1000 * per_video:.3g}, {found.per_video(total.joules) / 3.6:.3g} Wh\n"
        f"a day, at a rate of {rate_hz:g} a second: ${_usd_per_day(found, rate_hz):,.2f}",
        soft_wrap=True,
    )


def _table(found: RollUp) -> Table:
    from rich.table import Table

    table = Table(title=f"costs by {found.grouping}", title_justify="left")
    for name in (found.grouping, "videos", "CPU s", "device s", "MB read", "USD", "joules", "share"):
        table.add_column(name, justify="left" if name == found.grouping else "right", no_wrap=True)
    for sums in found.groups[:_MOST_ROWS]:
        table.add_row(*_cells(sums, found.total))
    if len(found.groups) > _MOST_ROWS:
        table.add_row(f"... and {len(found.groups) - _MOST_ROWS} more")
    table.add_section()
    table.add_row(*_cells(found.total, found.total))
    return table


def _cells(sums: Sums, total: Sums) -> tuple[str, ...]:
    return (
        sums.name,
        str(sums.num_videos),
        f"{sums.cpu_seconds:.2f}",
        f"{sums.device_seconds:.2f}",
        f"{sums.bytes_read / 1e6:.1f}",
        f"{sums.usd:.3g}",
        f"{sums.joules:.1f}",
        f"{sums.usd / total.usd:.0%}" if total.usd else "",
    )

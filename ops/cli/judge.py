"""`vidsignal judge`: what a chat model's answers about labels are worth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.console import out, print_json, settings_or_exit
from ops.cli.reviewed_verdicts import reviewed_verdicts

if TYPE_CHECKING:
    from ops.judge.agreement import Agreement

app = typer.Typer(help="Compare a chat model's answers about labels with people's decisions.", no_args_is_help=True)


@app.callback()
def _judge() -> None:
    """Keep `agreement` a command of its own: a group of one command would take its place."""


@app.command()
def agreement(
    verdicts: Annotated[
        Path | None, typer.Option("--verdicts", help="JSON lines of verdicts; the topic by default.")
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON list.")] = False,
) -> None:
    """Print how often the judge and people agree about reviewed videos, apart for its band and its random share.

    Only the random share says how the judge does on all videos, and only as far as people review all of it: they
    mostly review what a policy sends them.
    """
    from ops.judge.agreement import agreements

    found = agreements(reviewed_verdicts(settings_or_exit(), verdicts))
    if json_output:
        print_json([_row(each) for each in found])
        return
    for each in found:
        out.print(_line(each), markup=False, soft_wrap=True)
    if not found:
        out.print("no reviewed verdict has an answer of a judge")


def _row(found: Agreement) -> dict[str, object]:
    return {
        "judge": found.judge,
        "asked_for": found.asked_for,
        "label": found.label,
        "compared": found.num_compared,
        "agreement": _rounded(found.share),
        "interval": None if found.interval is None else [round(end, 3) for end in found.interval],
        "kappa": _rounded(found.kappa),
        "counts": dict(sorted(found.cells.items())),
    }


def _line(found: Agreement) -> str:
    counts = ", ".join(f"{number} {cell}" for cell, number in sorted(found.cells.items()))
    head = f"{found.judge} {found.asked_for} {found.label}: "
    if found.share is None or found.interval is None:
        return f"{head}nothing to compare ({counts})"
    low, high = found.interval
    kappa = "none" if found.kappa is None else f"{found.kappa:.2f}"
    return f"{head}{found.share:.2f} [{low:.2f}, {high:.2f}] of {found.num_compared} agree, kappa {kappa} ({counts})"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)

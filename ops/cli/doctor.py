"""`vidsignal doctor`: what is wrong, what it means, what to do."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from ops.cli.console import fail, logs_to_stderr, out, print_json
from ops.cli.exit_codes import ExitCode
from streams.config.settings import InvalidSettings, read_settings

if TYPE_CHECKING:
    from ops.doctor.check import Check, CheckResult
    from ops.doctor.finding import Finding, State

_MARKS: Final[dict[State, str]] = {
    "ok": "[green]ok[/]     ",
    "warning": "[yellow]warning[/]",
    "wrong": "[bold red]wrong[/]  ",
    "not-checked": "[dim]skipped[/]",
}


def doctor(
    only: Annotated[str | None, typer.Option(help="Comma-separated: broker, topics, redis, weights, ...")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object with every finding.")] = False,
) -> None:
    """Check everything that a worker needs, change nothing, and print what is wrong and what to do.

    Ends within 15 seconds even if everything is unavailable. Exit codes: 0 fine, warnings allowed; 1 something is
    wrong; 2 wrong arguments.
    """
    from ops.doctor.check_registry import UnknownCheck, choose

    logs_to_stderr()
    try:
        examinations = choose(only)
    except UnknownCheck as error:
        fail(str(error), ExitCode.USAGE)
    found = []
    for examined in _examine(examinations):
        found.append(examined)
        if not json_output:
            _tell(examined)
    states = [finding.state for examined in found for finding in examined.findings]
    if json_output:
        print_json(_document(found))
    else:
        out.print(f"\n{_summary(states)}")
    code = ExitCode.FOUND if "wrong" in states else ExitCode.OK
    if any(examined.is_unfinished for examined in found):
        _end_at_once(code)
    raise typer.Exit(code)


def _examine(examinations: tuple[Check, ...]) -> Iterator[CheckResult]:
    from ops.doctor.check import CheckResult, examine_all, left_seconds
    from ops.doctor.check_context import open_check_context
    from ops.doctor.finding import not_checked
    from ops.doctor.installation import unreadable_settings

    try:
        context = open_check_context(read_settings())
    except InvalidSettings as error:
        rest = not_checked("everything else", "it needs the settings")
        yield CheckResult("installation", (unreadable_settings(error), rest))
        return
    yield from examine_all(examinations, context, left_seconds())


def _tell(examined: CheckResult) -> None:
    out.print(f"[bold]{examined.name}[/]")
    for finding in examined.findings:
        _line(f"  {_MARKS[finding.state]}  {finding.subject}: ", finding.found)
        if finding.means:
            _line("             means: ", finding.means)
        if finding.do:
            _line("             do:    ", finding.do)


def _line(start: str, text: str) -> None:
    out.print(start, end="")
    out.print(text, markup=False, soft_wrap=True)


def _summary(states: list[State]) -> str:
    counted = [("wrong", "wrong"), ("warning", "to know about"), ("not-checked", "not checked"), ("ok", "ok")]
    return ", ".join(f"{states.count(state)} {words}" for state, words in counted)  # type: ignore[arg-type]


def _document(found: list[CheckResult]) -> dict[str, object]:
    states = {finding.state for examined in found for finding in examined.findings}
    worst = next((state for state in ("wrong", "warning") if state in states), "ok")
    return {"state": worst, "findings": [_row(examined.name, item) for examined in found for item in examined.findings]}


def _row(check: str, finding: Finding) -> dict[str, str]:
    return {
        "examination": check,
        "subject": finding.subject,
        "state": finding.state,
        "found": finding.found,
        "means": finding.means,
        "do": finding.do,
    }


def _end_at_once(code: ExitCode) -> NoReturn:
    """Exit without cleaning up: a thread that still waits for a server would otherwise be ended inside a library."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

"""`vidsignal policy`: check a policy file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table

from ops.cli.console import fail, out, print_json, settings_or_exit
from ops.cli.exit_codes import ExitCode
from streams.verdict.policy import Policy
from streams.verdict.policy_checks import InvalidPolicy
from streams.verdict.policy_file import load_policy

app = typer.Typer(help="Check the file that says what is allowed.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Check the file that says what is allowed."""


@app.command()
def check(
    file: Annotated[Path | None, typer.Argument(help="A policy file; the one in the settings by default.")] = None,
    json_output: Annotated[
        bool, typer.Option("--json", help="Name, version, hash and number of rules as one JSON object.")
    ] = False,
) -> None:
    """Validate a policy as a worker would at its start, and show its rules; exit code 1 where it is wrong."""
    chosen = file if file is not None else settings_or_exit().policy_file
    try:
        policy = load_policy(chosen)
    except InvalidPolicy as error:
        fail(str(error), ExitCode.FOUND)
    if json_output:
        print_json(
            {"name": policy.name, "version": policy.version, "sha256": policy.file_hash, "rules": len(policy.rules)}
        )
        return
    _print(policy, chosen)


def _print(policy: Policy, path: Path | None) -> None:
    table = Table(Column("label or group", overflow="fold"), "thresholds", "in markets", "words")
    for rule in policy.rules.values():
        markets = "; ".join(f"{market}: {_thresholds(found)}" for market, found in rule.markets.items())
        table.add_row(rule.path, _thresholds(rule.thresholds), markets, rule.words)
    out.print(table)
    out.print(f"{path or 'packaged default policy'}: {policy.name} version {policy.version} is valid")


def _thresholds(thresholds: object) -> str:
    assert isinstance(thresholds, dict)
    return ", ".join(f"{action} from {threshold:g}" for action, threshold in thresholds.items()) or "none"

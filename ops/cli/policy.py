"""`vidsignal policy`: checks a policy file, and applies a changed one to earlier verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ops.cli.console import fail, out, print_json, quiet_settings_or_exit
from ops.cli.exit_codes import ExitCode
from schemas.counted import counted
from schemas.outcomes import ACTIONS
from streams.decision.policy_checks import InvalidPolicy, UnreadablePolicy

if TYPE_CHECKING:
    from streams.decision.policy import Policy

_DEFAULT_PER_SECOND: Final = 100.0
"""Facts per second; each makes a worker read, decide, write and publish one video: half of what one on two busy cores
processed."""

app = typer.Typer(help="Check and apply policy files.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Check and apply policy files."""


@app.command()
def check(
    file: Annotated[str | None, typer.Argument(help="A policy file; the one in the settings by default.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Every rule with its markets and words.")] = False,
    json_output: Annotated[
        bool, typer.Option("--json", help="Name, version, hash and number of rules as one JSON object.")
    ] = False,
) -> None:
    """Validate a policy as a worker does at its start, and show its rules; exit code 1 if it is wrong."""
    from streams.decision.policy_file import load_policy

    settings = quiet_settings_or_exit()  # with them come the labels that a policy may name
    chosen = Path(file) if file is not None else settings.policy_file
    try:
        policy = load_policy(chosen)
    except UnreadablePolicy as error:
        fail(str(error), ExitCode.USAGE)
    except InvalidPolicy as error:
        fail(str(error), ExitCode.FOUND)
    if json_output:
        print_json(
            {"name": policy.name, "version": policy.version, "sha256": policy.file_hash, "rules": len(policy.rules)}
        )
        return
    _print(policy, chosen, is_full=full)


@app.command()
def apply(
    market: Annotated[str | None, typer.Option(help="Only verdicts of this market.")] = None,
    action: Annotated[str | None, typer.Option(help=f"Only those that say now: {', '.join(ACTIONS)}.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many.")] = None,
    per_second: Annotated[float, typer.Option(min=0.1, help="At most so many facts a second.")] = _DEFAULT_PER_SECOND,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change; send nothing.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Decide verdicts of another policy again, by the configured one, from the stored signals.

    Nothing is analysed. Restart the verdict workers first: each decides by the policy that it started with. The command
    may be interrupted and run again: verdicts that already name the policy are skipped. Reviews by people stay.
    """
    from ops.cli.policy_apply import apply_policy

    apply_policy(market, action, limit, None if dry_run else per_second, json_output=json_output)


def _print(policy: Policy, path: Path | None, *, is_full: bool) -> None:
    from ops.cli.policy_lines import full_lines, summary_lines

    out.heading(f"{path or 'packaged default policy'}", f": {policy.name} version {policy.version} is valid")
    for line in full_lines(policy) if is_full else summary_lines(policy):
        out.print(line, markup=False, soft_wrap=True)
    if not is_full:
        out.print(f"{counted(len(policy.rules), 'rule')}; --full shows each with its markets and words")

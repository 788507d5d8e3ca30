"""The command line names its commands without importing them, and completes what is typed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from ops.cli.command_table import COMMANDS, module_of
from ops.cli.exit_codes import ExitCode
from ops.cli.late_coercion import coerce_late
from ops.cli.main import app
from tests.imported_modules import run_command

PROGRAM = Path(sys.executable).with_name("vidsignal")
"""The console script next to the interpreter."""


ALL = list(COMMANDS) + [
    f"{name} {inner}"
    for name, group in typer.main.get_command(app).commands.items()
    for inner in getattr(group, "commands", {})
]
"""Every command, and every command of a group."""


def first_paragraph(help_text: str) -> str:
    """As it would be listed: on one line."""
    return " ".join(help_text.split("\n\n")[0].split())


class TestTable:
    @pytest.mark.parametrize("name", COMMANDS)
    def test_lines_are_those_of_the_commands(self, name: str) -> None:
        """What the list says of a command is how its own help begins."""
        group = typer.main.get_command(app)
        assert COMMANDS[name] == first_paragraph(group.commands[name].help)
        assert group.commands[name].name == name

    def test_help_lists_all(self) -> None:
        """Every command, with its whole line."""
        said = " ".join(CliRunner().invoke(app, ["--help"]).stdout.split())
        assert [name for name, line in COMMANDS.items() if f" {name} {line}" not in said] == []

    def test_unknown_command_is_told_of_its_neighbour(self) -> None:
        """Exit code 2, and the name that was probably meant."""
        ended = CliRunner().invoke(app, ["shwo"])
        assert (ended.exit_code, "Did you mean 'show'?" in ended.stderr) == (2, True)

    def test_only_the_chosen_command_is_imported(self) -> None:
        """The list imports none of them; a command's own help imports its module alone."""
        others = {module_of(name) for name in COMMANDS}
        assert others & run_command("--help").modules == set()
        assert others & run_command("topics", "--help").modules == {"ops.cli.topics"}


class TestImports:
    @pytest.mark.parametrize("words", ["--version", "--help", *(f"{name} --help" for name in ALL)])
    def test_help_imports_nothing_heavy(self, words: str) -> None:
        """Whatever is asked for; a time is not held, since machines differ."""
        ended = run_command(*words.split())
        assert (ended.exit_code, ended.heavy) == (0, set()), ended.stderr

    def test_analyze_imports_no_kafka(self) -> None:
        """It needs neither broker nor store, and so none of what speaks with them."""
        ended = run_command("analyze", "--help")
        assert {name.partition(".")[0] for name in ended.modules} & {"confluent_kafka", "hiredis", "torch"} == set()

    def test_policy_check_imports_nothing_heavy(self) -> None:
        """Next to the library that reads YAML."""
        ended = run_command("policy", "check")
        assert (ended.exit_code, ended.heavy) == (0, set()), ended.stderr

    def test_show_says_that_redis_is_unavailable_without_its_library(self, tmp_path: Path) -> None:
        """Nobody answers at a socket that is not there."""
        ended = run_command("show", "v", environment={"VIDSIGNAL_REDIS_URL": f"unix://{tmp_path}/none"})
        assert (ended.exit_code, ended.heavy) == (ExitCode.UNAVAILABLE, set()), ended.stderr
        assert ended.stderr.startswith("vidsignal: Redis does not answer at the address in VIDSIGNAL_REDIS_URL: ")


def number_of(words: list[str], *, is_late: bool) -> str:
    """What a command's function takes for its options, or what typer complains of."""
    found, program = list[object](), typer.Typer()

    @program.command()
    def take(
        seconds: Annotated[float, typer.Option(min=0.0, max=9.0)] = 1.0,
        count: Annotated[int | None, typer.Option(min=1)] = None,
    ) -> None:
        found.extend((seconds, count))

    command = typer.main.get_command(program)
    try:
        (coerce_late(command) if is_late else command).main(args=words, standalone_mode=False)
    except typer.BadParameter as error:
        return str(error)
    return repr(found)


class TestNumbers:
    @pytest.mark.parametrize(
        "words",
        [
            *(["--seconds", text] for text in ("5", "0", "-0", "9.0", "9.5", "-1", "1e0", "inf", "nan", " 5", "x", "")),
            *(["--count", text] for text in ("5", "05", "0", "1.0", "1_0", "9" * 20, "-1", "x", "\uff15")),
        ],
        ids=repr,
    )
    def test_are_taken_and_refused_as_typer_does(self, words: list[str]) -> None:
        """The same value of the same type, or the same complaint."""
        assert number_of(words, is_late=True) == number_of(words, is_late=False)

    def test_take_no_library_for_validation(self) -> None:
        """Of a command that ends at once, as it cannot know its brokers."""
        environment = {"VIDSIGNAL_KAFKA_SECURITY_PROTOCOL": "none"}
        ended = run_command("watch", "v", "--timeout", "5", environment=environment)
        assert (ended.exit_code, "pydantic" in ended.heavy) == (ExitCode.USAGE, False), ended.stderr


class TestCompletion:
    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            (["vidsignal", "to"], {"top", "topics"}),
            (["vidsignal", "dead-letters", "re"], {"redrive"}),
            (["vidsignal", "show", "--j"], {"--json"}),
            (["vidsignal", "local", "--kafka", "r"], {"real"}),
        ],
    )
    def test_bash_completes(self, words: list[str], expected: set[str]) -> None:
        """Names of commands, of commands in groups, options and their choices, by the script that is printed."""
        assert set(completed_by_bash(words)) == expected

    def test_names_are_completed_without_imports(self) -> None:
        """Anyone who presses tab waits for it."""
        environment = {"_PROBE_COMPLETE": "complete_bash", "COMP_WORDS": "probe ", "COMP_CWORD": "1"}
        ended = subprocess.run(
            [sys.executable, "-c", _COMPLETE_AND_LIST],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        )
        assert set(ended.stdout.split()) == set(COMMANDS)
        assert {module_of(name) for name in COMMANDS} & set(ended.stderr.splitlines()[-1].split()) == set()


def completed_by_bash(words: list[str]) -> list[str]:
    """What bash offers for the last of the words, once it has read the script that `--show-completion` prints."""
    script = (
        'eval "$("$1" --show-completion bash)"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
        '_vidsignal_completion "$PROGRAM"; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    ended = subprocess.run(
        ["bash", "-c", script, "bash", str(PROGRAM), *words],
        env={**os.environ, "PROGRAM": str(PROGRAM)},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return ended.stdout.split()


_COMPLETE_AND_LIST = """
import sys
from ops.cli.late_coercion import coerce_late
from ops.cli.main import app
from tests.imported_modules import run_command
try:
    app(prog_name="probe")
except SystemExit:
    print(*sys.modules, file=sys.stderr)
"""

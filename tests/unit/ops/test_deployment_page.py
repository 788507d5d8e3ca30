"""docs/deploy.md says what is true of the files that it describes."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.deployment import (
    compose_variables,
    image_environment,
    of_kind,
    option_values,
    read,
    unknown_variables,
    variants,
)
from tests.documents import REPOSITORY, code_blocks, quoted, section, table

PAGE = read("docs/deploy.md")
SHELL_LINES = [line for block in code_blocks(PAGE, "sh") for line in block.splitlines()]
COMMANDS = [line.rpartition(" vidsignal ")[2] for line in SHELL_LINES if " vidsignal " in line and "exec" in line]
_PATH = re.compile(r"(?:ops|tests|operators)(?:/[\w.-]+)+|\S+\.(?:yml|md|env)|Dockerfile|NOTICE")


def test_paths_exist() -> None:
    """Every file that is named is there."""
    words = {word for text in (*quoted(PAGE), *SHELL_LINES) for word in re.findall(r"[\w./-]+", text)}
    named = {word for word in words if _PATH.fullmatch(word)}
    assert len(named) > 5
    assert {path for path in named if not (REPOSITORY / path).exists()} == set()


@pytest.mark.parametrize("words", COMMANDS)
def test_commands_exist(words: str) -> None:
    """What is run in a container is a command with these options."""
    assert option_values(shlex.split(words)) is not None


def test_variants_are_all_there() -> None:
    """One row each."""
    assert {row[0] for row in table(section(PAGE, "Images"))} == variants()


def test_variables_are_those_of_compose() -> None:
    """With their defaults, and none is left out."""
    rows = {
        name: row[1] for row in table(section(PAGE, "On one machine, with Compose")) for name in row[0].split("`, `")
    }
    said = {name.strip("`"): default.replace("empty", "") for name, default in rows.items()}
    assert said == compose_variables()


def test_settings_exist() -> None:
    """Every variable of ours that is named is a setting."""
    named = set(re.findall(r"VIDSIGNAL_[A-Z_]+", PAGE))
    assert named and unknown_variables(named) == set()


def test_numbers() -> None:
    """Partitions, user and the longest stop are those of the files."""
    from streams.worker.worker import _LONGEST_STOP_SECONDS

    (container,) = of_kind("Job")["topics"]["spec"]["template"]["spec"]["containers"]
    assert f"`ops/kubernetes/base/topics.yaml`, {option_values(container['args'])['partitions']} as it stands" in PAGE
    assert f"and {_LONGEST_STOP_SECONDS:g} seconds" in PAGE
    assert "user is 10001" in PAGE
    assert "VIDSIGNAL_CACHE_DIR" in image_environment()


def test_names_no_address() -> None:
    """No address of an index or a machine."""
    assert re.findall(r"https?://|/(?:root|home|work)/", PAGE) == []

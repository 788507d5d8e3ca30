"""Dockerfile, Compose file and Kubernetes manifests as tests read them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.core import TyperGroup

from ops.cli.main import app
from streams.config.settings import Settings, read_settings, secret_names
from tests.documents import REPOSITORY

KUBERNETES = REPOSITORY / "ops" / "kubernetes"
_INTERPOLATED = re.compile(r"\$\{(\w+):-([^}]*)\}")
_PREFIX = "VIDSIGNAL_"
_OF_NO_SETTING = {"VIDSIGNAL_CONFIG", "VIDSIGNAL_SECRETS_DIR"}


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions with their arguments, in order; continued lines are one."""
    lines = [line for line in (REPOSITORY / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def last_stage() -> list[tuple[str, str]]:
    """The instructions of the image that is shipped."""
    all_of_them = instructions()
    start = max(number for number, (word, _) in enumerate(all_of_them) if word == "FROM")
    return all_of_them[start:]


def image_environment() -> dict[str, str]:
    """Variables that the image sets."""
    pairs = [pair for word, rest in last_stage() if word == "ENV" for pair in rest.split()]
    return dict(pair.split("=", 1) for pair in pairs)


def variants() -> set[str]:
    """Variants that can be built."""
    script = (REPOSITORY / "ops" / "setup" / "packages.sh").read_text()
    return set(re.findall(r"^  (\w+)\)$", script, re.MULTILINE))


def compose() -> dict[str, Any]:
    """The Compose file with the defaults of its variables."""
    text = (REPOSITORY / "docker-compose.yml").read_text()
    document: dict[str, Any] = yaml.safe_load(_INTERPOLATED.sub(r"\2", text))
    return document


def base_manifests() -> list[dict[str, Any]]:
    """Every object of the base that is written as one."""
    files = sorted(path for path in (KUBERNETES / "base").glob("*.yaml") if path.name != "kustomization.yaml")
    return [manifest for path in files for manifest in yaml.safe_load_all(path.read_text())]


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    """Objects of the base by name."""
    return {item["metadata"]["name"]: item for item in base_manifests() if item["kind"] == kind}


def config_map() -> dict[str, str]:
    """The settings of all pods."""
    lines = (KUBERNETES / "base" / "settings.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def option_values(words: Sequence[str]) -> dict[str, Any]:
    """What the command line makes of the words after `vidsignal`; fails where it refuses them."""
    command: Any = typer.main.get_command(app)
    rest = list(words)
    while isinstance(command, TyperGroup):
        assert rest and rest[0] in command.commands, f"{words}: one of {sorted(command.commands)} is missing"
        command = command.commands[rest.pop(0)]
    values: dict[str, Any] = command.make_context("vidsignal", rest).params
    return values


def roles_of(words: Sequence[str]) -> tuple[str, ...]:
    """Roles that a command runs."""
    if words[0] != "worker":
        return ()
    return tuple((option_values(words)["roles"] or "").split(","))


def accepted_settings(monkeypatch: pytest.MonkeyPatch, *environments: Mapping[str, Any]) -> Settings:
    """The settings of a process with these environments, later ones winning; fails where one is refused or unknown."""
    merged = {name: str(value) for each in environments for name, value in each.items() if name.startswith(_PREFIX)}
    assert unknown_variables(merged) == set()
    for name in _of_this_process():
        monkeypatch.delenv(name)
    values = {name.removeprefix(_PREFIX).lower(): value for name, value in merged.items() if name not in _OF_NO_SETTING}
    return read_settings(**values)


def unknown_variables(names: Iterable[str]) -> set[str]:
    """Those of our prefix that nothing reads."""
    of_settings = {f"{_PREFIX}{name.upper()}" for name in Settings.__struct_fields__}
    of_files = {f"{_PREFIX}{name.upper()}_FILE" for name in secret_names()}
    return {name for name in names if name.startswith(_PREFIX)} - of_settings - of_files - _OF_NO_SETTING


def _of_this_process() -> list[str]:
    return [name for name in os.environ if name.startswith(_PREFIX)]


def read(path: str) -> str:
    """A file of the repository."""
    return (REPOSITORY / path).read_text(encoding="utf-8")


def served_paths() -> set[str]:
    """Paths that stand as literals in the workers' code."""
    sources = [path.read_text() for path in (REPOSITORY / "streams").rglob("*.py")]
    return {path for source in sources for path in re.findall(r'"(/[a-z]+)"', source)}


def without_unit(size: str) -> int:
    """Bytes of `18Gi` and the like."""
    units = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
    return int(size[:-2]) * units[size[-2:]]


def seconds(duration: str) -> int:
    """Seconds of `45s`."""
    assert duration.endswith("s")
    return int(duration[:-1])


def repository_path(path: str) -> Path:
    """Where a relative path of the Compose file leads."""
    return REPOSITORY / path.removeprefix("./")


def compose_variables() -> dict[str, str]:
    """Variables that the Compose file takes, with their defaults."""
    return dict(_INTERPOLATED.findall(read("docker-compose.yml")))

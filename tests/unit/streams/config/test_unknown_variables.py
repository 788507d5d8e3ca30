"""Misspelt variables are named with what was meant; those that somebody reads, or Kubernetes sets, are not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.cli.main import app
from ops.doctor import installation
from streams.config.renamed_settings import RENAMED_SETTINGS
from streams.config.settings import Settings, secret_names
from streams.config.unknown_variables import unknown_variables
from tests.doctor_world import context

READ = re.compile(r"""environ(?:\.get\(|\[)["'](VIDSIGNAL_\w+)""")


def test_misspelt() -> None:
    """Each by its name as it stands there, in order, without its value."""
    found = unknown_variables({"VIDSIGNAL_NONSENSE": "1", "vidsignal_kafka_bootstrap": "xx", "PATH": "/bin"})
    assert found == [
        "variable vidsignal_kafka_bootstrap is no setting and has no effect;"
        " did you mean VIDSIGNAL_KAFKA_BOOTSTRAP_SERVERS?",
        "variable VIDSIGNAL_NONSENSE is no setting and has no effect",
    ]


@pytest.mark.parametrize(
    "name",
    [
        *Settings.__struct_fields__,
        *RENAMED_SETTINGS,
        *(f"{name}_file" for name in secret_names()),
        "config",
        "secrets_dir",
    ],
)
def test_settings(name: str) -> None:
    """In either case; former names have a warning of their own."""
    assert unknown_variables({f"VIDSIGNAL_{name.upper()}": "x"}) == []
    assert unknown_variables({f"vidsignal_{name}": "x"}) == []


def test_whatever_code_and_tests_read() -> None:
    """A variable that tests or tools read is known."""
    root = Path(__file__).parents[4]
    folders = ("models", "operators", "ops", "schemas", "streams", "tests")
    files = (path for folder in folders for path in (root / folder).rglob("*.py"))
    read = {name for path in files for name in READ.findall(path.read_text(encoding="utf-8"))}
    assert "VIDSIGNAL_CORPUS" in read
    assert unknown_variables(dict.fromkeys(read, "1")) == []


def test_services_of_kubernetes() -> None:
    """A service called vidsignal-worker puts its address into every container next to it."""
    ends = ("SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_METRICS", "PORT_9100_TCP", "PORT_9100_TCP_ADDR")
    found = {f"VIDSIGNAL_WORKER_{end}": "10.0.0.1" for end in ends} | {"VIDSIGNAL_WORKER_PORT": "tcp://10.0.0.1:9100"}
    assert unknown_variables(found) == []
    assert len(unknown_variables({"VIDSIGNAL_WORKER_PORT": "9100"})) == 1


def test_commands_and_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning on standard error next to the command's own exit code, and a finding."""
    monkeypatch.setenv("VIDSIGNAL_METRIC_PORT", "9100")
    said = "variable VIDSIGNAL_METRIC_PORT is no setting and has no effect; did you mean VIDSIGNAL_METRICS_PORT?"
    ended = CliRunner().invoke(app, ["policy", "check"])
    assert (ended.exit_code, ended.stderr) == (0, f"vidsignal: warning: {said}\n")
    found = [finding for finding in installation.examine(context(), lambda: None) if finding.subject == "settings"]
    assert [(finding.state, finding.found) for finding in found] == [("warning", said)]

"""`vidsignal top` as a command: whom it asks, and how it leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.cli.main import app
from ops.local.ports import ReservedPort
from streams.monitoring.metrics_endpoint import MetricsEndpoint


@pytest.fixture
def worker() -> Iterator[str]:
    """Address of an endpoint as a worker has it."""
    endpoint = MetricsEndpoint("127.0.0.1", 0, list)
    endpoint.serve()
    yield f"127.0.0.1:{endpoint.port}"
    endpoint.close()


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address at which nobody listens."""
    with ReservedPort() as port:
        yield port.address


def invoke(*words: str) -> tuple[int, str]:
    told = CliRunner().invoke(app, ["top", "--once", "--interval", "0.2", *words])
    return told.exit_code, told.output


def test_worker_next_to_a_dead_one(worker: str, nobody: str, tmp_path: Path) -> None:
    """Addresses of the command line and of a file are asked together; one dead worker is no failure."""
    (tmp_path / "targets.txt").write_text(f"{nobody}\n")
    code, text = invoke("--worker", worker, "--targets", str(tmp_path / "targets.txt"), "--json")
    assert code == 0
    assert [row["is_up"] for row in json.loads(text)["workers"]] == [True, False]


def test_worker_of_the_settings(worker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an address it is the one that a worker on this machine has."""
    monkeypatch.setenv("VIDSIGNAL_METRICS_PORT", worker.partition(":")[2])
    code, text = invoke()
    assert (code, "1 of 1 workers up" in text) == (0, True)


def test_everybody_down(nobody: str) -> None:
    """With every worker down the frame reports it, and the exit code, too."""
    code, text = invoke("--worker", nobody)
    assert (code, "0 of 1 workers up" in text) == (3, True)


def test_no_address() -> None:
    """Without any address it says how to name one."""
    code, text = invoke()
    assert (code, "--worker host:port" in text) == (2, True)


def test_wrong_address() -> None:
    """What is no address is quoted."""
    code, text = invoke("--worker", "somewhere")
    assert (code, "'somewhere'" in text) == (2, True)

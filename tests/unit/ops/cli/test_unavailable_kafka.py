"""Without Kafka every command says in one line where nobody answered, and librdkafka prints nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from ops.cli import watch
from ops.cli.main import app
from schemas.facts import SourceOffset
from streams.config.settings import Settings, read_settings
from streams.kafka import clients
from streams.kafka.clients import BrokerUnavailable, read_to_end
from streams.kafka.record_places import read_places
from streams.recovery.rebuild import log_ends

NOBODY = "127.0.0.1:1"
SAID = f"no broker answered at '{NOBODY}' (VIDSIGNAL_KAFKA_BOOTSTRAP_SERVERS): "


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients.answered_consumer, "__defaults__", (0.1,))
    monkeypatch.setattr(clients.require_broker, "__defaults__", (0.1,))
    monkeypatch.setattr(clients, "REQUEST_SECONDS", 0.1)
    monkeypatch.setenv("VIDSIGNAL_KAFKA_BOOTSTRAP_SERVERS", NOBODY)


def said_of_nobody(capfd: pytest.CaptureFixture[str]) -> list[str]:
    """Return what a library in C wrote; a client of an earlier test that failed may still look for its own broker."""
    lines = capfd.readouterr().err.splitlines()
    return [line for line in lines if "Connect to ipv4#" not in line or f"#{NOBODY} " in line]


@pytest.mark.parametrize(
    "words",
    [
        "dead-letters list",
        "dead-letters show 1",
        "costs",
        "projection dump --from topics",
        "policy apply --per-second 5",
        "reprocess --since 2026-11-01",
        "audit",
    ],
)
def test_commands(words: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Exit code 3, and the address with the setting that has it."""
    ended = CliRunner().invoke(app, words.split())
    assert (ended.exit_code, ended.stdout) == (3, "")
    assert ended.stderr.splitlines()[-1].startswith(f"vidsignal: {SAID}")
    assert ended.stderr.count("127.0.0.1:1'") == 1
    assert said_of_nobody(capfd) == []


@pytest.mark.parametrize(
    "read",
    [
        lambda settings: list(read_to_end(settings, ["video.signals"])),
        lambda settings: list(read_places(settings, [SourceOffset(topic="video.signals", partition=0, offset=1)])),
        log_ends,
    ],
)
def test_what_rebuild_and_others_read(read: Callable[[Settings], object], capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever reads topics is answered first, or says where nobody answered."""
    with pytest.raises(BrokerUnavailable) as unavailable:
        read(read_settings())
    assert str(unavailable.value).startswith(SAID)
    assert said_of_nobody(capfd) == []


@pytest.mark.parametrize(
    ("words", "answer_seconds"), [((), 10.0), (("--timeout", "3"), 3.0), (("--timeout", "0.1"), 1.0)]
)
def test_watch_keeps_its_timeout(
    words: tuple[str, ...], answer_seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for a broker no longer than for a verdict, and at least as long as connecting takes."""
    waited: list[float] = []

    def nobody(_settings: Settings, _configuration: object, timeout_seconds: float) -> None:
        waited.append(timeout_seconds)
        raise BrokerUnavailable("no broker answered")

    monkeypatch.setattr(watch, "answered_consumer", nobody)
    ended = CliRunner().invoke(app, ["watch", "v-42", *words])
    assert (ended.exit_code, waited) == (3, [answer_seconds])

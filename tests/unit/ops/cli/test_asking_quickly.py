"""Commands that ask Redis once: Ctrl-C ends them at once, and what is no text or not allowed is named."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaError

from streams.config.settings import read_settings
from streams.kafka.clients import BrokerUnavailable, RightMissing, failure_of
from streams.store.quick_reads import QuickReads, StoreForbids, answer_of

WAIT_SECONDS = 300
PATIENT = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has what it runs in the background ignore it
import ops.cli.quick_read as quick_read
quick_read.ANSWER_SECONDS = 1e6
from ops.cli.main import main
main()
"""
"""The command line, with a store that is waited for longer than any test."""


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A port of this machine on which nobody answers yet."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def url_of(server: socket.socket) -> str:
    return f"redis://127.0.0.1:{server.getsockname()[1]}"


def test_an_interrupt_ends_a_silent_question(listener: socket.socket) -> None:
    """Redis took the question and says nothing: the command leaves by Ctrl-C, and not by the end of its patience."""
    command = subprocess.Popen(
        [sys.executable, "-c", PATIENT, "show", "video-1"],
        env={**os.environ, "VIDSIGNAL_REDIS_URL": url_of(listener)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        listener.settimeout(WAIT_SECONDS)
        asked, _ = listener.accept()
        with asked:
            asked.settimeout(WAIT_SECONDS)
            assert asked.recv(1)
            interrupt_until_it_ends(command)
    finally:
        command.kill()
        command.wait()
    assert command.returncode == 130


def interrupt_until_it_ends(command: subprocess.Popen[bytes]) -> None:
    """Press Ctrl-C, and again where a finalizer of the interpreter swallowed it."""
    for _ in range(5):
        command.send_signal(signal.SIGINT)
        try:
            command.communicate(timeout=WAIT_SECONDS / 5)
        except subprocess.TimeoutExpired:
            continue
        return


@pytest.mark.parametrize(
    "words", [("show", b"v\xff"), ("watch", b"\xfe"), ("dead-letters", "list", "--video", b"a\xc3")]
)
def test_an_id_that_is_not_text(words: tuple[str | bytes, ...]) -> None:
    """It is named, and there is no traceback."""
    ended = subprocess.run(
        [sys.executable, "-m", "ops.cli", *words], capture_output=True, timeout=WAIT_SECONDS, check=False
    )
    assert ended.returncode == 2
    assert b"is not UTF-8" in ended.stderr
    assert b"Traceback" not in ended.stderr


def test_a_right_that_is_missing_in_redis_is_named(listener: socket.socket) -> None:
    """Redis says that a key is not allowed, and not which: the question is told next to it."""
    store = QuickReads(read_settings(redis_url=url_of(listener)), 60.0)
    store._socket = socket.create_connection(listener.getsockname())
    asked, _ = listener.accept()
    with asked:
        asked.sendall(b"-NOPERM No permissions to access a key\r\n")
        with pytest.raises(StoreForbids, match=r"HGETALL vs:.*:letters"):
            answer_of(store.hgetall("vs:{v}:letters"))


class Failed:
    """A message of the Kafka client that holds an error."""

    def __init__(self, code: int) -> None:
        self._error = KafkaError(code)

    def error(self) -> KafkaError:
        return self._error

    def topic(self) -> str:
        return "video.signals"


@pytest.mark.parametrize("code", [KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED])
def test_a_right_that_is_missing_in_kafka_is_named(code: int) -> None:
    """What to ask for stands in the message."""
    failure = failure_of(Failed(code))  # type: ignore[arg-type]
    assert isinstance(failure, RightMissing)
    assert "vidsignal access kafka" in str(failure)


def test_other_failures_are_no_question_of_rights() -> None:
    """A broker that is unavailable is waited for or told as such."""
    failure = failure_of(Failed(KafkaError._TRANSPORT))  # type: ignore[arg-type]
    assert type(failure) is BrokerUnavailable

"""`vidsignal local`: a broker and a store for daily work, until Ctrl-C."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from ops.cli.console import err, fail, out, print_json, settings_or_exit
from ops.cli.exit_codes import ExitCode
from streams.config.settings import read_settings

if TYPE_CHECKING:
    from ops.local.stack import LocalStack

_LOOK_SECONDS: Final = 0.5


def local(
    kafka: Annotated[
        Literal["real", "embedded"], typer.Option(help="Apache Kafka (Java, Maven), or the demo's.")
    ] = "embedded",
    brokers: Annotated[int, typer.Option(help="1, or 3 with replication; only with --kafka real.")] = 1,
    partitions: Annotated[int, typer.Option(min=1, help="Of each topic, on a real Kafka.")] = 8,
    json_output: Annotated[bool, typer.Option("--json", help="Print the settings as one JSON object.")] = False,
) -> None:
    """Start a broker and Redis 8 on free loopback ports, print the settings to use, and stay until Ctrl-C.

    If one of them ends by itself, both end, with exit code 3.
    """
    from ops.local.child import ChildDied
    from ops.local.kafka_jars import KafkaUnavailable
    from ops.local.stack import LocalStack

    if brokers not in (1, 3):
        fail(f"--brokers is {brokers}; 1 or 3 are possible", ExitCode.USAGE)
    settings = settings_or_exit()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        stack = LocalStack(kafka, 3 if brokers == 3 else 1, cache_dir=settings.cache_dir)
    except ValueError as error:
        fail(str(error), ExitCode.USAGE)
    err.print("starting ...")
    try:
        with stack:
            if kafka == "real":
                _create_topics(stack, partitions, brokers)
            _announce(stack, json_output)
            while not stop.wait(_LOOK_SECONDS):
                stack.require_alive()
            err.print("stopping ...")
    except (KafkaUnavailable, ChildDied) as error:
        fail(str(error), ExitCode.UNAVAILABLE)


def _create_topics(stack: LocalStack, partitions: int, replication: int) -> None:
    from streams.kafka.topic_admin import create_topics

    settings = read_settings(kafka_bootstrap_servers=stack.bootstrap_servers)
    create_topics(settings, partitions=partitions, replication=replication)


def _announce(stack: LocalStack, json_output: bool) -> None:
    environment = stack.environment()
    if json_output:
        print_json(environment)
        return
    for name, value in environment.items():
        out.print(f"export {name}={value}", markup=False, soft_wrap=True)
    err.print("copy these lines into another shell; Ctrl-C here ends both")

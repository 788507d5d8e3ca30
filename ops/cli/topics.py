"""`vidsignal topics`: creates the topics, updates them, or checks them against their contract."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from confluent_kafka import KafkaException

from ops.cli.console import fail, out, print_json, settings_or_exit
from ops.cli.exit_codes import ExitCode
from streams.kafka.clients import BrokerUnavailable
from streams.kafka.topic_admin import check_topics, create_topics, update_topics

app = typer.Typer(help="Create the topics, or check them against their contract.", no_args_is_help=True)


@app.command()
def create(
    partitions: Annotated[int, typer.Option(min=1, help="Of every topic alike: one video keeps one number.")] = 8,
    replication: Annotated[int, typer.Option(min=1, help="Copies of each partition; 3 in production.")] = 1,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object: what became of each topic.")] = False,
) -> None:
    """Create missing topics with their retention, compaction and size limits; existing ones are not changed."""
    with _broker_asked():
        results = create_topics(settings_or_exit(), partitions=partitions, replication=replication)
    if json_output:
        print_json(results)
        return
    for topic, result in results.items():
        out.print(f"{result:8} {topic}")


@app.command()
def update(
    json_output: Annotated[
        bool, typer.Option("--json", help="One JSON object: what was changed of each topic.")
    ] = False,
) -> None:
    """Apply the contract's settings to existing topics: retention, compaction, size limits, timestamp type."""
    with _broker_asked():
        changed = update_topics(settings_or_exit())
    if json_output:
        print_json(changed)
        return
    for topic, differing in changed.items():
        out.print(f"updated  {topic}: {', '.join(differing)}", markup=False, soft_wrap=True)
    if not changed:
        out.print("every topic that exists has the settings of its contract")


@app.command()
def check(json_output: Annotated[bool, typer.Option("--json", help="One JSON list of findings.")] = False) -> None:
    """Compare a broker's topics with their contract; exit code 1 if one differs."""
    try:
        findings = check_topics(settings_or_exit())
    except BrokerUnavailable as error:
        fail(str(error), ExitCode.UNAVAILABLE)
    if json_output:
        print_json(
            [{"topic": item.topic, "partitions": item.partitions, "problems": item.problems} for item in findings]
        )
    else:
        from rich.table import Table

        table = Table("topic", "partitions", "problems")
        for item in findings:
            table.add_row(item.topic, str(item.partitions), "\n".join(item.problems) or "none")
        out.table(table)
    if any(item.problems for item in findings):
        raise typer.Exit(ExitCode.FOUND)


@contextmanager
def _broker_asked() -> Iterator[None]:
    """Exit if the broker does not answer, or refuses."""
    try:
        yield
    except BrokerUnavailable as error:
        fail(str(error), ExitCode.UNAVAILABLE)
    except KafkaException as error:
        fail(f"the broker refused: {error}", ExitCode.FOUND)

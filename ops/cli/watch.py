"""`vidsignal watch`: live signals and verdicts."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer

from ops.cli.console import clean_interrupt, err, fail, out, print_json, settings_or_exit
from ops.cli.exit_codes import ExitCode
from ops.cli.verdict_lines import describe_fact, describe_verdict
from schemas.errors import InvalidEvent
from schemas.outcomes import Verdict
from schemas.topics import MODERATION, SIGNALS
from schemas.wire import decode_fact
from streams.kafka_clients import (
    WATCH_GROUP,
    BrokerAway,
    assign_whole,
    client_configuration,
    require_broker,
    stored_record,
)
from streams.readers_topics import decode_verdict
from streams.settings import Settings


def watch(
    video_id: Annotated[str | None, typer.Argument(help="Only this video.")] = None,
    from_beginning: Annotated[bool, typer.Option(help="Start with what lies in the topics already.")] = False,
    until_final: Annotated[bool, typer.Option(help="Leave when the video's verdict is final.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object a record.")] = False,
) -> None:
    """Print facts and verdicts as they are written, until Ctrl-C."""
    settings = settings_or_exit()
    if until_final and video_id is None:
        fail("--until-final needs a VIDEO_ID", ExitCode.USAGE)
    try:
        require_broker(settings)
        consumer = _consumer(settings, OFFSET_BEGINNING if from_beginning else OFFSET_END)
    except BrokerAway as error:
        fail(str(error), ExitCode.AWAY)
    try:
        with clean_interrupt():
            if not json_output:
                err.print("watching; Ctrl-C ends")
            _follow(consumer, settings, video_id, until_final, json_output)
    finally:
        consumer.close()


def _consumer(settings: Settings, offset: int) -> Consumer:
    consumer = Consumer({**client_configuration(settings), "group.id": WATCH_GROUP, "enable.auto.commit": False})
    assign_whole(consumer, [settings.topic_prefix + topic.name for topic in (SIGNALS, MODERATION)], offset)
    return consumer


def _follow(consumer: Consumer, settings: Settings, video_id: str | None, until_final: bool, as_json: bool) -> None:
    moderation = settings.topic_prefix + MODERATION.name
    while True:
        message = consumer.poll(0.5)
        if message is None or message.error() is not None:
            continue
        record = stored_record(message)
        if record.value is None or (video_id is not None and record.key != video_id.encode()):
            continue
        event = _decode(record.value, is_verdict=record.topic == moderation)
        if event is None:
            continue
        _print(event, as_json)
        if until_final and isinstance(event, Verdict) and event.status == "final":
            return


def _decode(value: bytes, *, is_verdict: bool) -> Any:
    try:
        return decode_verdict(value) if is_verdict else decode_fact(value)
    except InvalidEvent as error:
        err.print(f"a record cannot be read: {error}", markup=False)
        return None


def _print(event: Any, as_json: bool) -> None:
    if as_json:
        print_json(event)
    else:
        out.print(describe_verdict(event) if isinstance(event, Verdict) else describe_fact(event), markup=False)

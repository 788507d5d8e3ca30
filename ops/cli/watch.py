"""`vidsignal watch`: live signals and verdicts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Annotated, Any, Final

import typer
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer

from ops.cli.console import clean_interrupt, err, fail, out, print_json, quiet_settings_or_exit
from ops.cli.exit_codes import ExitCode
from ops.cli.refusal_lines import print_refusals
from ops.cli.sender_looks import SenderLooks
from ops.cli.verdict_lines import describe_fact, describe_verdict
from ops.cli.video_watch import StatusChange, VideoWatch
from schemas.codec import decode_fact
from schemas.errors import InvalidEvent
from schemas.outcomes import Verdict
from schemas.topics import MODERATION, SIGNALS
from streams.config.settings import Settings
from streams.kafka.clients import (
    REQUEST_SECONDS,
    WATCH_GROUP,
    BrokerUnavailable,
    RightMissing,
    answered_consumer,
    assign_whole,
    failure_of,
    stored_record,
)
from streams.kafka.readers_topics import decode_verdict

_POLL_SECONDS: Final = 0.5
_SHORTEST_ANSWER_SECONDS: Final = 1.0
"""Time that a broker has for its first answer under a shorter timeout; connecting takes a part of it."""
_UNKNOWN_SECONDS: Final = 5.0
"""Time after which the user is told that the video is unknown."""


def watch(
    video_id: Annotated[str | None, typer.Argument(help="Only this video.")] = None,
    from_beginning: Annotated[bool, typer.Option(help="Start with what is in the topics already.")] = False,
    until_final: Annotated[
        bool, typer.Option(help="Leave when the video's verdict is final; exit code 1 when it is refused or deleted.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(min=0.0, help="Seconds after which to leave, with exit code 1 under --until-final.")
    ] = math.inf,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object a record.")] = False,
) -> None:
    """Print facts and verdicts as they are written, and the refusals of a watched video, until Ctrl-C."""
    settings = quiet_settings_or_exit()
    if until_final and video_id is None:
        fail("--until-final needs a VIDEO_ID", ExitCode.USAGE)
    answer_seconds = max(_SHORTEST_ANSWER_SECONDS, min(timeout, REQUEST_SECONDS))
    consumer = _consumer_or_exit(settings, video_id, answer_seconds, from_beginning=from_beginning)
    try:
        with clean_interrupt():
            if not json_output:
                err.print("watching; Ctrl-C ends")
            _Watching(consumer, settings, video_id, from_beginning, until_final, json_output).follow(timeout)
    finally:
        if consumer is not None:
            consumer.close()


def _consumer_or_exit(
    settings: Settings, video_id: str | None, answer_seconds: float, *, from_beginning: bool
) -> Consumer | None:
    """None if this user may not read the topics: producers follow their video in Redis instead."""
    try:
        return _consumer(settings, OFFSET_BEGINNING if from_beginning else OFFSET_END, answer_seconds)
    except RightMissing as error:
        _continue_without_kafka(error, video_id)
        return None
    except BrokerUnavailable as error:
        fail(str(error), ExitCode.UNAVAILABLE)


def _continue_without_kafka(error: RightMissing, video_id: str | None) -> None:
    """Exit if no video is named; one video can be followed in Redis."""
    if video_id is None:
        fail(str(error), ExitCode.UNAVAILABLE)
    err.print(f"{error}. Facts are not shown; the video is followed in Redis only", markup=False, soft_wrap=True)


def _consumer(settings: Settings, offset: int, answer_seconds: float) -> Consumer:
    configuration = {"group.id": WATCH_GROUP, "enable.auto.commit": False}
    consumer = answered_consumer(settings, configuration, answer_seconds)
    try:
        assign_whole(consumer, [settings.topic_prefix + topic.name for topic in (SIGNALS, MODERATION)], offset)
    except BrokerUnavailable:
        consumer.close()
        raise
    return consumer


@dataclass
class _Watching:
    """Follows the topics, and one video in Redis."""

    consumer: Consumer | None
    """None if this user may not read the topics."""
    settings: Settings
    video_id: str | None
    from_beginning: bool
    until_final: bool
    as_json: bool
    is_unknown_told: bool = False

    def follow(self, timeout_seconds: float) -> None:
        """Print until there is a reason to end."""
        began_seconds = monotonic()
        video = VideoWatch(self.from_beginning)
        with SenderLooks(self.settings, self.video_id) as looks:
            while monotonic() - began_seconds < timeout_seconds:
                if self._follow_topics():
                    return
                reading = looks.next()
                if reading is None:
                    continue
                look = video.look(reading)
                self._tell(look, monotonic() - began_seconds)
                if self.until_final and look.ending == "refused":
                    raise typer.Exit(ExitCode.FOUND)
                if self.until_final and look.ending == "deleted":
                    fail(f"video {self.video_id!r} was deleted", ExitCode.FOUND)
                if self.until_final and look.ending == "final":
                    self._print(reading.verdict)
                    return
        if self.until_final:
            fail(f"no final verdict of {self.video_id!r} within {timeout_seconds:g} s", ExitCode.FOUND)

    def _follow_topics(self) -> bool:
        """Wait briefly for a record; return whether it was the last one that is needed."""
        if self.consumer is None:
            sleep(_POLL_SECONDS)
            return False
        message = self.consumer.poll(_POLL_SECONDS)
        if message is None:
            return False
        if message.error() is not None:
            self._judge(failure_of(message))
            return False
        record = stored_record(message)
        if record.value is None or (self.video_id is not None and record.key != self.video_id.encode()):
            return False
        event = _decode(record.value, is_verdict=record.topic == self.settings.topic_prefix + MODERATION.name)
        if event is None:
            return False
        self._print(event)
        return self.until_final and isinstance(event, Verdict) and event.status == "final"

    def _judge(self, failure: BrokerUnavailable) -> None:
        """Handle a missing right; the client recovers from all other errors itself."""
        if isinstance(failure, RightMissing):
            _continue_without_kafka(failure, self.video_id)
            self.consumer = None

    def _tell(self, look: StatusChange, watched_seconds: float) -> None:
        if self.as_json:
            for refusal in look.refusals:
                print_json({"video_id": self.video_id, "refusal": refusal})
        else:
            print_refusals(look.refusals)
        if look.is_unknown and not self.is_unknown_told and watched_seconds >= _UNKNOWN_SECONDS:
            self.is_unknown_told = True
            err.print(f"nothing is known of video {self.video_id!r} so far; watching on", markup=False, soft_wrap=True)

    def _print(self, event: Any) -> None:
        if self.as_json:
            print_json(event)
        else:
            out.fitted(describe_verdict(event) if isinstance(event, Verdict) else describe_fact(event))


def _decode(value: bytes, *, is_verdict: bool) -> Any:
    try:
        return decode_verdict(value) if is_verdict else decode_fact(value)
    except InvalidEvent as error:
        err.print(f"a record cannot be read: {error}", markup=False)
        return None

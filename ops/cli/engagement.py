"""`vidsignal engagement`: publishes engagement events, one or a made-up stream."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Annotated
from uuid import uuid4

import typer

from ops.cli.console import clean_interrupt, fail, out, print_json, settings_or_exit
from ops.cli.exit_codes import ExitCode
from ops.cli.field_options import ENGAGEMENT_OPTIONS, event_or_exit
from ops.engagement_stream import engagement_stream, publish_events, video_names
from schemas.counted import counted
from schemas.engagement import ENGAGEMENT_KINDS, EngagementEvent
from streams.kafka.clients import BrokerUnavailable

app = typer.Typer(help="Publish engagement events, one or a made-up stream.", no_args_is_help=True)


@app.command()
def publish(
    video_id: Annotated[str, typer.Argument(help="The video.")],
    kind: Annotated[str, typer.Argument(help=f"One of: {', '.join(ENGAGEMENT_KINDS)}.")],
    watch_seconds: Annotated[float | None, typer.Option(help="Of a view or a completion.")] = None,
    event_id: Annotated[str | None, typer.Option(help="The same id counts once; a new one by default.")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print the event as JSON.")] = False,
) -> None:
    """Publish one event with the current time to `video.engagement` and wait for the broker's confirmation."""
    raw = {
        "event_id": event_id or uuid4().hex,
        "video_id": video_id,
        "kind": kind,
        "event_unix_seconds": time.time(),
        "watch_seconds": watch_seconds,
    }
    event = event_or_exit(raw, EngagementEvent, "an engagement event", ENGAGEMENT_OPTIONS)
    _publish_or_exit([event])
    if json_output:
        print_json(event)
    else:
        out.print(f"{event.video_id}  {event.kind}  {event.event_id}", markup=False)


@app.command()
def simulate(
    events: Annotated[int, typer.Option(min=1, help="How many.")] = 10_000,
    videos: Annotated[int, typer.Option(min=1, help="Of how many made-up videos, where none is named.")] = 100,
    video: Annotated[
        list[str] | None, typer.Option(help="A video; may be given several times, liked less each.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed makes the same acts.")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object: how many, and how fast.")] = False,
) -> None:
    """Publish a made-up stream: videos by Zipf's law, some events sent twice, some hours late."""
    names = video or video_names(videos)
    chosen = seed if seed is not None else time.time_ns() % 2**31
    began = time.monotonic()
    with clean_interrupt():
        _publish_or_exit(engagement_stream(names, events, time.time(), chosen))
    seconds = time.monotonic() - began
    if json_output:
        print_json({"events": events, "videos": len(names), "seed": chosen, "seconds": seconds})
    else:
        out.print(f"{counted(events, 'event')} of {counted(len(names), 'video')} in {seconds:.1f} s (seed {chosen})")


def _publish_or_exit(events: Iterable[EngagementEvent]) -> None:
    try:
        publish_events(settings_or_exit(), events)
    except BrokerUnavailable as error:
        fail(str(error), ExitCode.UNAVAILABLE)

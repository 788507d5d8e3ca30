"""`vidsignal publish`: publishes upload events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from confluent_kafka import KafkaError, Message

from ops.cli.console import clean_interrupt, fail, out, print_json, settings_or_exit
from ops.cli.ending_lines import describe_ending, ending_document
from ops.cli.exit_codes import ExitCode
from ops.cli.local_media import path_problems
from ops.cli.metadata_file import read_metadata
from ops.cli.progress import counting
from ops.cli.publishing import publish_or_exit
from ops.cli.upload_ending import PublishedUpload
from ops.cli.upload_fields import Media, build_uploads
from ops.cli.upload_wait import endings, read_earlier
from ops.cli.with_redis import read_once
from ops.source_argument import described
from schemas.codec import encode, event_headers
from schemas.topics import UPLOADED
from schemas.uploads import MAX_UPLOAD_BYTES, VideoUploaded
from streams.config.settings import Settings
from streams.kafka.confirmed_publishing import OutgoingRecord
from streams.observability.tracing import spans
from streams.observability.tracing.opening import traced

if TYPE_CHECKING:
    from redis.asyncio import Redis

Sha256 = Annotated[str | None, typer.Option(help="Of the media, in hex; other bytes are refused. Only with one path.")]


def publish(
    paths: Media,
    title: Annotated[str, typer.Option(help="Title of the video.")] = "",
    description: Annotated[str, typer.Option(help="Description of the video.")] = "",
    hashtag: Annotated[list[str] | None, typer.Option(help="A hashtag; may be given several times.")] = None,
    creator: Annotated[str | None, typer.Option(help="Who uploaded it.")] = None,
    market: Annotated[str | None, typer.Option(help="ISO 3166 country code, such as DE.")] = None,
    lane: Annotated[str, typer.Option(help="live or backfill.")] = "live",
    deadline: Annotated[float | None, typer.Option(help="Decision budget in seconds.")] = None,
    revision: Annotated[int, typer.Option(help="The content's version number; higher supersedes lower.")] = 1,
    video_id: Annotated[str | None, typer.Option(help="Only with one path; made from the file by default.")] = None,
    sha256: Sha256 = None,
    metadata: Annotated[
        Path | None, typer.Option(help="JSON object with fields of the upload event, or one such object per file name.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until each video is final or refused.")] = False,
    timeout: Annotated[float, typer.Option(min=0.0, help="Seconds to wait at most, with --wait.")] = 600.0,
    check: Annotated[
        bool, typer.Option(help="Whether each path has to be a file here; off where only the workers have it.")
    ] = True,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object a video.")] = False,
) -> None:
    """Publish one upload event per file to `video.uploaded` and wait for the broker's confirmation.

    Nothing is published if a path is no readable file: exit code 2. With --wait, the verdict or refusal of each video
    follows in the order of the paths; exit code 1 if a verdict is not final, or a part of an upload was refused.
    """
    settings = settings_or_exit()
    problems = path_problems(paths) if check else []
    if problems:
        told = "\n".join(problems)
        fail(f"{told}\nnothing was published; --no-check takes paths that only the workers have", ExitCode.USAGE)
    if video_id is not None and len(paths) != 1:
        fail(f"--video-id names one video, but {len(paths)} paths were given", ExitCode.USAGE)
    if sha256 is not None and len(paths) != 1:
        fail(f"--sha256 is of one video, but {len(paths)} paths were given", ExitCode.USAGE)
    fields: dict[str, Any] = {
        "title": title,
        "description": description,
        "hashtags": hashtag or [],
        "creator_id": creator,
        "market": market,
        "lane": lane,
        "deadline_seconds": deadline,
        "revision": revision,
    }
    uploads = build_uploads(paths, fields, read_metadata(metadata), video_id, sha256)
    with clean_interrupt():
        if wait:
            _publish_and_wait(settings, uploads, timeout, as_json=json_output)
            return
        for upload, partition, offset in publish_uploads(settings, uploads, is_quiet=json_output):
            if json_output:
                print_json({"video_id": upload.video_id, "partition": partition, "offset": offset})
            else:
                _print_place(upload, partition, offset)


def _publish_and_wait(
    settings: Settings, uploads: list[VideoUploaded], timeout_seconds: float, *, as_json: bool
) -> None:
    ids = [upload.video_id for upload in uploads]
    earlier = asyncio.run(read_once(settings, lambda store: read_earlier(store, settings, ids)))
    topic, published = settings.topic_prefix + UPLOADED.name, list[PublishedUpload]()
    for upload, partition, offset in publish_uploads(settings, uploads, is_quiet=as_json):
        if not as_json:
            _print_place(upload, partition, offset)
        name = upload.video_id
        published.append(PublishedUpload(name, upload.revision, topic, partition, offset, earlier[name]))
    if not asyncio.run(read_once(settings, lambda store: _tell(store, settings, published, timeout_seconds, as_json))):
        raise typer.Exit(ExitCode.FOUND)


async def _tell(
    store: Redis, settings: Settings, published: list[PublishedUpload], timeout_seconds: float, as_json: bool
) -> bool:
    """Print the result of each; return whether all was accepted and decided."""
    are_good = True
    async for upload, ending in endings(store, settings, published, timeout_seconds):
        are_good = are_good and ending is not None and ending.is_good
        if as_json:
            print_json(ending_document(upload, ending))
        else:
            out.print("\n".join(describe_ending(upload, ending)), markup=False, soft_wrap=True)
    return are_good


def _print_place(upload: VideoUploaded, partition: int, offset: int) -> None:
    place = f"partition {partition} offset {offset}"
    out.print(f"{upload.video_id}  {place}  {described(upload.source)}", markup=False, soft_wrap=True)


def publish_uploads(
    settings: Settings, uploads: list[VideoUploaded], *, is_quiet: bool = True
) -> list[tuple[VideoUploaded, int, int]]:
    """Publish uploads; returns each with its partition and offset once all are confirmed, or exits with a code.

    Unless it is quiet, a bar on a terminal counts confirmations.
    """
    for upload in uploads:
        _check_size(upload)
    places: dict[int, tuple[int, int]] = {}
    topic = settings.topic_prefix + UPLOADED.name
    with traced(settings), counting("publishing", len(uploads), is_quiet=is_quiet) as confirmed:
        numbered = enumerate(uploads)
        publish_or_exit(settings, (_record(topic, number, each, places, confirmed) for number, each in numbered))
    return [(upload, *places[number]) for number, upload in enumerate(uploads)]


def _check_size(upload: VideoUploaded) -> None:
    num_bytes = len(encode(upload))
    if num_bytes > MAX_UPLOAD_BYTES:
        message = f"{upload.video_id}: the event has {num_bytes} bytes; at most {MAX_UPLOAD_BYTES} are taken"
        fail(message, ExitCode.FOUND)


def _record(
    topic: str, number: int, upload: VideoUploaded, places: dict[int, tuple[int, int]], confirmed: Callable[[], None]
) -> OutgoingRecord:
    span = spans.producing(UPLOADED, key=upload.video_id)

    def note(error: KafkaError | None, message: Message | None) -> None:
        span.end("" if error is None else "KafkaError")
        if error is None and message is not None:
            places[number] = (cast("int", message.partition()), cast("int", message.offset()))
            confirmed()

    event_id = f"{upload.video_id}:{upload.revision}"
    headers = event_headers(
        upload, event_id=event_id, source="/vidsignal/publish", now_unix_seconds=time(), span=span.traceparent
    )
    return OutgoingRecord(topic, upload.video_id, encode(upload), headers, note)

"""`vidsignal show`: everything known about one video."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ops.cli.console import clean_interrupt, fail, out, print_json, quiet_settings_or_exit
from ops.cli.deletion_lines import describe_deletion
from ops.cli.exit_codes import ExitCode
from ops.cli.quick_read import read_quickly
from ops.cli.refusal_lines import print_refusals
from ops.cli.show_lines import sections
from ops.cli.warning_lines import describe_warnings
from schemas.evidence import TextFound
from streams.store.deletion_reading import DeletionReading, read_deletion
from streams.store.keys import Keys
from streams.store.quick_reads import StoreForbids
from streams.store.readers import VideoReading, read_video
from streams.store.reading import ReadsStore
from streams.store.recognised_texts import read_texts
from streams.store.refusal_reading import Refusal, read_refusals


def show(
    video_id: Annotated[str, typer.Argument(help="As it was published.")],
    json_output: Annotated[bool, typer.Option("--json", help="The whole reading as one JSON object.")] = False,
) -> None:
    """Show a video's status, verdict with evidence, features, embeddings, engagement and receipt, as in Redis.

    Recently refused events of the video follow, with the remedy. Exit code 1 if no upload of it was accepted.
    """
    settings = quiet_settings_or_exit()
    keys = Keys(settings.topic_prefix)
    with clean_interrupt():
        reading, deletion, refusals, texts = read_quickly(settings, lambda store: _read(store, keys, video_id))
    if json_output and (reading or deletion or refusals):
        print_json(_document(reading, deletion, refusals, texts))
    if not json_output:
        for line in describe_warnings(deletion.warnings if deletion else ()):
            out.fitted(line)
        if reading is not None:
            _print(video_id, reading, texts)
        print_refusals(refusals)
        if reading is not None and deletion is not None:
            out.fitted(describe_deletion(deletion))
    if reading is None:
        told = f": {describe_deletion(deletion)}" if deletion else ""
        known = "no upload was accepted" if refusals else "nothing is known"
        fail(f"{known} of video {video_id!r}{told}", ExitCode.FOUND)


async def _read(
    store: ReadsStore, keys: Keys, video_id: str
) -> tuple[VideoReading | None, DeletionReading | None, tuple[Refusal, ...], tuple[TextFound, ...]]:
    return (
        await read_video(store, keys, video_id),
        await read_deletion(store, keys, video_id),
        await read_refusals(store, keys, video_id),
        await _texts(store, keys, video_id),
    )


async def _texts(store: ReadsStore, keys: Keys, video_id: str) -> tuple[TextFound, ...]:
    """Return the recognised texts; none for a user who may read results, but not what people say."""
    try:
        return await read_texts(store, keys, video_id)
    except StoreForbids:
        return ()


def _document(
    reading: VideoReading | None,
    deletion: DeletionReading | None,
    refusals: tuple[Refusal, ...],
    texts: tuple[TextFound, ...],
) -> dict[str, Any]:
    """Return the document; for a deleted video only its deletion. Empty fields are left out."""
    document: dict[str, Any] = {"deletion": deletion} if deletion else {}
    document |= {"refusals": refusals} if refusals else {}
    if reading is not None:
        document |= {
            "status": reading.status,
            "warnings": reading.warnings,
            "verdict": reading.verdict,
            "features": reading.features,
            "embeddings": reading.embeddings,
            "engagement": reading.engagement,
        }
        document |= {"texts": texts} if texts else {}
        document |= {"unreadable": reading.unreadable} if reading.unreadable else {}
    return document


def _print(video_id: str, reading: VideoReading, texts: tuple[TextFound, ...]) -> None:
    for section in sections(video_id, reading, texts):
        out.heading(section.title, section.rest)
        for line in section.lines:
            out.fitted(line)

"""`vidsignal show`: everything known of one video."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from redis.asyncio import Redis

from ops.cli.console import clean_interrupt, fail, out, print_json, settings_or_exit
from ops.cli.deletion_lines import describe_deletion
from ops.cli.exit_codes import ExitCode
from ops.cli.refusal_lines import print_refusals
from ops.cli.store_once import read_once
from ops.cli.verdict_lines import describe_cost, describe_label, describe_verdict
from ops.cli.warning_lines import describe_warnings
from schemas.engagement import Engagement
from schemas.outcomes import Verdict
from streams.store.deletion_reading import DeletionReading, read_deletion
from streams.store.keys import Keys
from streams.store.readers import VideoReading, read_video
from streams.store.refusal_reading import Refusal, read_refusals


def show(
    video_id: Annotated[str, typer.Argument(help="As it was published.")],
    json_output: Annotated[bool, typer.Option("--json", help="The whole reading as one JSON object.")] = False,
) -> None:
    """Show a video's status, verdict with evidence, features, embeddings, engagement and receipt, as in Redis.

    Events of it that were refused lately follow, with what to do. Exit code 1 where no upload of it was accepted.
    """
    settings = settings_or_exit()
    keys = Keys(settings.topic_prefix)
    with clean_interrupt():
        reading, deletion, refusals = asyncio.run(read_once(settings, lambda store: _read(store, keys, video_id)))
    if json_output and (reading or deletion or refusals):
        print_json(_document(reading, deletion, refusals))
    if not json_output:
        for line in describe_warnings(deletion.warnings if deletion else ()):
            out.print(line, markup=False, soft_wrap=True)
        if reading is not None:
            _print(video_id, reading)
        print_refusals(refusals)
        if reading is not None and deletion is not None:
            out.print(f"{describe_deletion(deletion)}", markup=False, soft_wrap=True)
    if reading is None:
        told = f": {describe_deletion(deletion)}" if deletion else ""
        known = "no upload was accepted" if refusals else "nothing is known"
        fail(f"{known} of video {video_id!r}{told}", ExitCode.FOUND)


async def _read(
    store: Redis, keys: Keys, video_id: str
) -> tuple[VideoReading | None, DeletionReading | None, tuple[Refusal, ...]]:
    return (
        await read_video(store, keys, video_id),
        await read_deletion(store, keys, video_id),
        await read_refusals(store, keys, video_id),
    )


def _document(
    reading: VideoReading | None, deletion: DeletionReading | None, refusals: tuple[Refusal, ...]
) -> dict[str, Any]:
    """Of a forgotten video nothing but its deletion; fields of which there is nothing are left out."""
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
        document |= {"unreadable": reading.unreadable} if reading.unreadable else {}
    return document


def _print(video_id: str, reading: VideoReading) -> None:
    fields = (f"{name}={value}" for name, value in reading.status.items() if name != "warnings")
    out.print(f"[bold]{video_id}[/]  " + "  ".join(fields))
    for line in describe_warnings(reading.warnings):
        out.print(line, markup=False, soft_wrap=True)
    for line in gap_lines(reading):
        out.print(line, markup=False, soft_wrap=True)
    if reading.verdict is None:
        out.print("no verdict yet")
        return
    _print_verdict(reading.verdict)
    out.print("[bold]features[/]")
    for name in sorted(reading.features):
        feature = reading.features[name]
        text = str(feature.value)
        shown = text if len(text) <= 100 else text[:97] + "..."
        out.print(
            f"  {name:28} {shown}  ({feature.model}, {_moment(feature.event_unix_seconds)})",
            markup=False,
            soft_wrap=True,
        )
    out.print("[bold]embeddings[/]")
    for space, embedding in sorted(reading.embeddings.items()):
        out.print(f"  {space:28} {embedding.dimensions} numbers  ({embedding.model})", markup=False, soft_wrap=True)
    if reading.engagement is not None:
        _print_engagement(reading.engagement)


def gap_lines(reading: VideoReading) -> list[str]:
    """What keeps the reading from being whole; none in the usual case."""
    lines = []
    if "gap" in reading.status:
        since = reading.status.get("gap_since_unix_seconds", "")
        lines.append(
            f"facts of this video wait since Unix time {since}: {reading.status['gap']}. What is decided stands "
            "until they are folded again from the log; see ops/docs/alerts.md, VidsignalVideosInGap"
        )
    if reading.unreadable:
        lines.append(
            f"cannot be read in Redis: {', '.join(reading.unreadable)}. `vidsignal audit --repair` writes it again"
        )
    return lines


def _print_engagement(engagement: Engagement) -> None:
    counts = "  ".join(f"{kind} {number}" for kind, number in engagement.counts.items())
    rates = "  ".join(f"{rate} {value:.3f}" for rate, value in engagement.rates.items())
    out.print(f"[bold]engagement[/] until {_moment(engagement.as_of_unix_seconds)}")
    out.print(f"  {counts}  watched {engagement.watch_seconds:.0f} s", markup=False, soft_wrap=True)
    out.print(f"  with a prior: {rates}", markup=False, soft_wrap=True)


def _print_verdict(verdict: Verdict) -> None:
    out.print(describe_verdict(verdict), markup=False, soft_wrap=True)
    out.print(
        f"policy {verdict.policy}, version {verdict.version}, market {verdict.market or 'none'}",
        markup=False,
        soft_wrap=True,
    )
    out.print("[bold]reasons[/]")
    for reason in verdict.reasons:
        out.print(f"  {reason.action:7} {reason.words}", markup=False, soft_wrap=True)
    out.print("[bold]evidence[/]")
    for label in verdict.labels:
        out.print(f"  {describe_label(label)}  ({label.model})", markup=False, soft_wrap=True)
    states = verdict.modalities
    out.print("[bold]modalities[/]")
    out.print(
        f"  present {states.present}  no stream {states.absent}  missing {states.missing}", markup=False, soft_wrap=True
    )
    for modality, failure in states.failed.items():
        out.print(f"  {modality} failed: {failure.cause}: {failure.message}", markup=False, soft_wrap=True)
    out.print(f"[bold]receipt[/]  {describe_cost(verdict)}, {verdict.cost.num_decodes} decode(s)")


def _moment(unix_seconds: float) -> str:
    return f"{datetime.fromtimestamp(unix_seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"

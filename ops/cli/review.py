"""`vidsignal review`: a person's decision on a video."""

from __future__ import annotations

import asyncio
from time import monotonic, time
from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.console import clean_interrupt, fail, out, settings_or_exit
from ops.cli.exit_codes import ExitCode
from ops.cli.field_options import REVIEW_OPTIONS, event_or_exit
from ops.cli.publishing import publish_or_exit
from ops.cli.with_redis import read_once
from schemas.codec import encode, event_headers
from schemas.facts import Review
from schemas.outcomes import Verdict
from schemas.topics import SIGNALS
from streams.config.settings import Settings
from streams.kafka.confirmed_publishing import OutgoingRecord
from streams.store.keys import Keys
from streams.store.readers import read_video

if TYPE_CHECKING:
    from redis.asyncio import Redis

ACTIONS = ("allow", "limit", "block")
_ASK_SECONDS = 0.2


def review(
    video_id: Annotated[str, typer.Argument(help="As it was published.")],
    action: Annotated[str, typer.Option(help=f"What holds from now on: {', '.join(ACTIONS)}.")],
    by: Annotated[str, typer.Option(help="Who decided; shown in the verdict.")],
    note: Annotated[str, typer.Option(help="Why; shown in the verdict.")] = "",
    revision: Annotated[
        int | None, typer.Option(min=1, help="What was looked at; refused where it is not the current one.")
    ] = None,
    wait: Annotated[float, typer.Option(min=0.0, help="Seconds to wait until the verdict shows the review.")] = 60.0,
) -> None:
    """Write a person's decision to the log of facts: it is the verdict's action, whatever the policy decides.

    It applies to one revision. A later review replaces it, and a new revision needs a new review.
    """
    if action not in ACTIONS:
        fail(f"--action is {action!r}; allowed are {', '.join(ACTIONS)}", ExitCode.USAGE)
    settings = settings_or_exit()
    with clean_interrupt():
        fact = _fact(video_id, _known_revision(settings, video_id, revision), action, by, note)
        _publish(settings, fact)
        if wait and not asyncio.run(read_once(settings, lambda store: _is_said(store, settings, fact, wait))):
            fail(
                f"the review of {video_id!r} is published, but no verdict shows it after {wait:g} s; "
                "one that a rebuild kept without its facts takes none",
                ExitCode.FOUND,
            )
    said = f"is {action} by {by}" if wait else f"will be {action} by {by}"
    out.print(f"{video_id} revision {fact.revision} {said}", markup=False)


def _known_revision(settings: Settings, video_id: str, wanted: int | None) -> int:
    key = Keys(settings.topic_prefix).status(video_id)
    found = asyncio.run(read_once(settings, lambda store: store.hget(key, "revision")))
    if found is None:
        fail(f"nothing is known of video {video_id!r}", ExitCode.FOUND)
    if wanted not in (None, int(found)):
        fail(f"--revision is {wanted}, but the current one of {video_id!r} is {int(found)}", ExitCode.FOUND)
    return int(found)


def _fact(video_id: str, revision: int, action: str, by: str, note: str) -> Review:
    raw = {
        "kind": "review",
        "video_id": video_id,
        "revision": revision,
        "action": action,
        "reviewer": by,
        "reason": note,
        "event_unix_seconds": time(),
    }
    return event_or_exit(raw, Review, "a review", REVIEW_OPTIONS)


def _publish(settings: Settings, fact: Review) -> None:
    event_id = f"{fact.video_id}:{fact.revision}:review:{fact.event_unix_seconds}"
    headers = event_headers(
        fact, event_id=event_id, source="/vidsignal/review", now_unix_seconds=fact.event_unix_seconds
    )
    topic = settings.topic_prefix + SIGNALS.name
    publish_or_exit(settings, [OutgoingRecord(topic, fact.video_id, encode(fact), headers)])


async def _is_said(store: Redis, settings: Settings, fact: Review, wait_seconds: float) -> bool:
    """Return whether the stored verdict contains this review, or a later one, within the time."""
    keys = Keys(settings.topic_prefix)
    give_up = monotonic() + wait_seconds
    while monotonic() < give_up:
        reading = await read_video(store, keys, fact.video_id)
        if reading is not None and reading.verdict is not None and _carries(reading.verdict, fact):
            return True
        await asyncio.sleep(_ASK_SECONDS)
    return False


def _carries(verdict: Verdict, fact: Review) -> bool:
    if verdict.version.revision != fact.revision or verdict.reviewed is None:
        return False
    return verdict.reviewed.event_unix_seconds >= fact.event_unix_seconds

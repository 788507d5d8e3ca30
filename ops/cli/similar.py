"""`vidsignal similar`: the videos most similar to a given one, or its copies."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.console import clean_interrupt, fail, out, print_json, settings_or_exit
from ops.cli.exit_codes import ExitCode
from ops.cli.with_redis import read_once
from streams.similarity.query import PICTURE_SPACE, Filters, InvalidQuery, Neighbour, NotInSpace, UnknownVideo
from streams.similarity.query import similar as find_similar
from streams.similarity.spaces import UnknownSpace
from streams.store.keys import Keys

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from streams.similarity.alignment import MatchedTimes
    from streams.similarity.duplicates import NearDuplicate


def similar(
    video_id: Annotated[str, typer.Argument(help="As it was published.")],
    space: Annotated[str, typer.Option(help="Embedding space; `vidsignal spaces list` says which there are.")] = (
        PICTURE_SPACE
    ),
    market: Annotated[str | None, typer.Option(help="Only videos of this market, such as DE.")] = None,
    allowed_only: Annotated[bool, typer.Option("--allowed-only", help="Only videos whose verdict is allow.")] = False,
    copies: Annotated[
        bool,
        typer.Option("--near-duplicates", help="Only copies and candidates, by hashes of pictures and by embedding."),
    ] = False,
    count: Annotated[int, typer.Option(help="How many at most.")] = 10,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object a video.")] = False,
) -> None:
    """Show the nearest videos in one embedding space, nearest first."""
    settings = settings_or_exit()
    if copies and space != PICTURE_SPACE:
        fail(f"--near-duplicates compares pictures, in the space {PICTURE_SPACE} alone", ExitCode.USAGE)
    keys, filters = Keys(settings.topic_prefix), Filters(market, allowed_only)

    async def ask(store: Redis) -> list[Neighbour] | list[NearDuplicate]:
        if copies:
            from streams.similarity.duplicates import near_duplicates

            return await near_duplicates(store, keys, video_id, count=count, filters=filters)
        return await find_similar(store, keys, video_id, space=space, count=count, filters=filters)

    try:
        with clean_interrupt():
            found = asyncio.run(read_once(settings, ask))
    except (InvalidQuery, UnknownSpace) as error:
        fail(str(error), ExitCode.USAGE)
    except (UnknownVideo, NotInSpace) as error:
        fail(str(error), ExitCode.FOUND)
    _print(found, json_output)


def _print(found: list[Neighbour] | list[NearDuplicate], json_output: bool) -> None:
    if not found and not json_output:
        out.print("none")
    for each in found:
        if json_output:
            print_json(asdict(each))
        else:
            out.print(_line(each), markup=False, soft_wrap=True)


def _line(found: Neighbour | NearDuplicate) -> str:
    if isinstance(found, Neighbour):
        words = ("action", "status", "market", "language", "duration_seconds")
        shown = "  ".join(f"{word}={found.attributes[word]}" for word in words if word in found.attributes)
        return f"{found.cosine:.3f}  {found.video_id}  {shown}"
    frames, times = found.frame_similarity, found.times
    turned = ", mirrored" if frames.is_mirrored else ""
    speed = f", speed {times.speed:g}" if times and times.speed != 1.0 else ""
    why = found.found_by if frames.is_candidate else f"by {found.found_by}"
    where = f"  {_stretch(times)}{speed}" if times else ""
    return (
        f"{found.neighbour.video_id}  {why}  frames {frames.matched_ratio:.0%}{turned}"
        f"  cosine {frames.cosine:.3f}{where}"
    )


def _stretch(times: MatchedTimes) -> str:
    return (
        f"{times.first_start_seconds:.1f}-{times.first_end_seconds:.1f} s is "
        f"{times.second_start_seconds:.1f}-{times.second_end_seconds:.1f} s there"
    )

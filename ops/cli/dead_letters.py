"""`vidsignal dead-letters`: look at what was given up, and send it again."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec
import typer

from ops.cli.console import clean_interrupt, fail, out, print_json, settings_or_exit
from ops.cli.exit_codes import ExitCode
from ops.cli.letters_of_video import find_letters, read_found
from ops.cli.store_once import read_once
from schemas.dead_letters import DeadLetter
from schemas.topics import DEAD_LETTER
from streams.delivery.redrive import redrive_letters
from streams.kafka_clients import BrokerAway, StoredRecord, read_to_end
from streams.plain_text import plain_text
from streams.settings import Settings

app = typer.Typer(help="Look at events that were given up, and send them again.", no_args_is_help=True)

_LISTED_BYTES: Final = 200
"""Of a message or a key in a listing."""

CauseOption = Annotated[str | None, typer.Option(help="Only letters of this cause.")]


@app.command("list")
def list_letters(
    cause: CauseOption = None,
    video: Annotated[
        str | None, typer.Option(metavar="ID", help="Only letters of this video, without reading the whole topic.")
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object a letter.")] = False,
) -> None:
    """List dead letters, oldest first: id, cause, key, place of the event, time, and what was wrong."""
    settings = settings_or_exit()
    letters = read_letters(settings, cause) if video is None else _read_letters_of(settings, video, cause)
    if json_output:
        for letter in letters:
            print_json(letter)
        return
    for letter in letters:
        head = f"{letter.dead_letter_id[:12]}  {letter.cause}  {_key(letter)}  {_source(letter)}  {_when(letter)}"
        out.print(head, markup=False, soft_wrap=True)
        out.print(f"  {plain_text(letter.message, _LISTED_BYTES)}", markup=False, soft_wrap=True)
    counts = Counter(letter.cause for letter in letters)
    out.print(f"{len(letters)} dead letters" + "".join(f"; {number} {name}" for name, number in counts.most_common()))


@app.command("show")
def show_letter(
    letter_id: Annotated[str, typer.Argument(help="Its id, or the beginning of it.")],
    json_output: Annotated[bool, typer.Option("--json", help="The letter as one JSON object.")] = False,
) -> None:
    """Show one dead letter whole: cause, headers and the original bytes."""
    letter = _find(read_letters(settings_or_exit(), None), letter_id)
    if json_output:
        print_json(letter)
        return
    out.print(f"[bold]{letter.dead_letter_id}[/]  {letter.cause}  by {letter.role}, attempts {letter.attempts}")
    out.print(letter.message, markup=False)
    out.print(f"source   {_source(letter)}  written {_when(letter)}")
    out.print(f"key      {letter.key!r}", markup=False)
    for name, value in letter.headers:
        out.print(f"header   {name}: {value!r}", markup=False)
    out.print(f"value    {letter.value_bytes} bytes, sha256 {letter.value_sha256}")
    out.print(repr(letter.value[:2_000]) if letter.value is not None else "(too large to keep)", markup=False)


@app.command("redrive")
def redrive(
    letter_ids: Annotated[list[str] | None, typer.Argument(help="Ids, or their beginnings.")] = None,
    cause: CauseOption = None,
    every: Annotated[bool, typer.Option("--all", help="All letters.")] = False,
) -> None:
    """Publish the original bytes and headers to the partition that they came from.

    A header says how often that happened, and of an upload where it stood: a deletion that came after it still does.
    """
    if not (letter_ids or cause or every):
        fail("name letters, or give --cause or --all", ExitCode.USAGE)
    settings = settings_or_exit()
    letters = read_letters(settings, cause)
    chosen = [_find(letters, letter_id) for letter_id in letter_ids] if letter_ids else letters
    without_value = [letter for letter in chosen if letter.value is None and letter.value_bytes > 0]
    if without_value:
        fail(f"{without_value[0].dead_letter_id[:12]} was too large to keep; publish the upload again", ExitCode.FOUND)
    with clean_interrupt():
        try:
            redrive_letters(settings, chosen)
        except BrokerAway as error:
            fail(str(error), ExitCode.AWAY)
    out.print(f"{len(chosen)} sent again")


def read_letters(settings: Settings, cause: str | None) -> list[DeadLetter]:
    """All dead letters that lie in the topic, oldest first, one per id."""
    try:
        records = list(read_to_end(settings, [settings.topic_prefix + DEAD_LETTER.name]))
    except BrokerAway as error:
        fail(str(error), ExitCode.AWAY)
    return _chosen(records, cause)


def _read_letters_of(settings: Settings, video_id: str, cause: str | None) -> list[DeadLetter]:
    found = asyncio.run(read_once(settings, lambda store: find_letters(store, settings, video_id)))
    try:
        return _chosen(read_found(settings, found), cause)
    except BrokerAway as error:
        fail(str(error), ExitCode.AWAY)


def _chosen(records: Iterable[StoredRecord], cause: str | None) -> list[DeadLetter]:
    latest = {record.key: record.value for record in records}  # a letter that was taken back ends in a tombstone
    letters = [msgspec.json.decode(value, type=DeadLetter) for value in latest.values() if value is not None]
    chosen = [letter for letter in letters if cause in (None, letter.cause)]
    return sorted(chosen, key=lambda letter: letter.failed_unix_seconds)


def _find(letters: list[DeadLetter], letter_id: str) -> DeadLetter:
    found = [letter for letter in letters if letter.dead_letter_id.startswith(letter_id)]
    if len(found) != 1:
        fail(f"{letter_id!r} names {len(found)} dead letters; expected one", ExitCode.FOUND)
    return found[0]


def _key(letter: DeadLetter) -> str:
    """The key of the event, in most cases the video's id."""
    if letter.key is None:
        return "(no key)"
    return plain_text(letter.key.decode("utf-8", "backslashreplace"), _LISTED_BYTES)


def _source(letter: DeadLetter) -> str:
    return f"{letter.source.topic}/{letter.source.partition}@{letter.source.offset}"


def _when(letter: DeadLetter) -> str:
    age_seconds = time.time() - letter.failed_unix_seconds
    moment = datetime.fromtimestamp(letter.failed_unix_seconds, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}Z ({age_seconds / 60:.0f} min ago)"

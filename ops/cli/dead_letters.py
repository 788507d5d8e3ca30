"""`vidsignal dead-letters`: lists, shows and redrives dead letters."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from ops.cli.console import clean_interrupt, err, fail, out, print_json, quiet_settings_or_exit, settings_or_exit
from ops.cli.dead_letters_of_video import find_dead_letters, read_found
from ops.cli.exit_codes import ExitCode
from ops.cli.quick_read import read_quickly
from ops.cli.unreadable_lines import end
from schemas.counted import counted
from schemas.dead_letters import DeadLetter
from streams.config.settings import Settings
from streams.dead_letters.active_dead_letters import active_dead_letters, dead_letters_in
from streams.dead_letters.plain_text import plain_text
from streams.kafka.clients import BrokerUnavailable
from streams.kafka.unreadable import UnreadableRecords

app = typer.Typer(help="List, show and redrive dead letters: events that were given up.", no_args_is_help=True)

_LISTED_BYTES: Final = 200
"""Maximum size of a message or a key in a list."""
_MOST_NAMED: Final = 20

CauseOption = Annotated[str | None, typer.Option(help="Only letters of this cause.")]


@app.command("list")
def list_dead_letters(
    cause: CauseOption = None,
    video: Annotated[
        str | None, typer.Option(metavar="ID", help="Only letters of this video, without reading the whole topic.")
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object a letter.")] = False,
) -> None:
    """List dead letters: id, cause, key, place of the event, time, and what was wrong.

    Each partition is listed oldest first; memory holds one dead letter at a time. Exit code 1 if one of them cannot be
    read.
    """
    settings, unreadable, counts = quiet_settings_or_exit(), UnreadableRecords(), Counter[str]()
    wanted = read_dead_letters(settings, cause, unreadable)
    for dead_letter in wanted if video is None else _read_dead_letters_of(settings, video, cause, unreadable):
        counts[dead_letter.cause] += 1
        _print_line(dead_letter, json_output=json_output)
    if not json_output:
        causes = "".join(f"; {number} {name}" for name, number in counts.most_common())
        out.print(f"{counted(counts.total(), 'dead letter')}{causes}")
    end(unreadable)


@app.command("show")
def show_dead_letter(
    dead_letter_id: Annotated[str, typer.Argument(help="Its id, or the beginning of it.")],
    json_output: Annotated[bool, typer.Option("--json", help="The letter as one JSON object.")] = False,
) -> None:
    """Show one complete dead letter: cause, headers and the original bytes."""
    unreadable = UnreadableRecords()
    dead_letter = _find(read_dead_letters(settings_or_exit(), None, unreadable), dead_letter_id)
    if json_output:
        print_json(dead_letter)
        return
    out.heading(
        dead_letter.dead_letter_id, f"  {dead_letter.cause}  by {dead_letter.role}, attempts {dead_letter.attempts}"
    )
    out.print(dead_letter.message, markup=False)
    out.print(f"source   {_source(dead_letter)}  written {_when(dead_letter)}")
    out.print(f"key      {dead_letter.key!r}", markup=False)
    for name, value in dead_letter.headers:
        out.print(f"header   {name}: {value!r}", markup=False)
    out.print(f"value    {dead_letter.value_bytes} bytes, sha256 {dead_letter.value_sha256}")
    out.print(repr(dead_letter.value[:2_000]) if dead_letter.value is not None else "(too large to keep)", markup=False)


@app.command("redrive")
def redrive(
    dead_letter_ids: Annotated[list[str] | None, typer.Argument(help="Ids, or their beginnings.")] = None,
    cause: CauseOption = None,
    every: Annotated[bool, typer.Option("--all", help="All letters.")] = False,
) -> None:
    """Publish the original bytes and headers to the original partition.

    A header counts the redrives, and another one has the log position of an upload, so that a later deletion still
    covers it. Dead letters without a value are skipped and named; exit code 1 then.
    """
    if not (dead_letter_ids or cause or every):
        fail("name letters, or give --cause or --all", ExitCode.USAGE)
    from streams.dead_letters.redrive import redrive_dead_letters

    settings, unreadable = settings_or_exit(), UnreadableRecords()
    ids = _ids(settings, cause, dead_letter_ids) if dead_letter_ids else None
    left_out: list[str] = []
    dead_letters = read_dead_letters(settings, cause, unreadable)
    chosen = (dead_letter for dead_letter in dead_letters if ids is None or dead_letter.dead_letter_id in ids)
    with clean_interrupt():
        try:
            num_sent = redrive_dead_letters(settings, with_value(chosen, left_out))
        except BrokerUnavailable as error:
            fail(str(error), ExitCode.UNAVAILABLE)
    out.print(f"{num_sent} sent again")
    for dead_letter_id in left_out[:_MOST_NAMED]:
        err.print(f"{dead_letter_id[:12]} has no value to send: empty, or too large to keep; publish the upload again")
    if len(left_out) > _MOST_NAMED:
        err.print(f"and {len(left_out) - _MOST_NAMED} more without a value")
    end(unreadable, is_found=bool(left_out))


def with_value(dead_letters: Iterable[DeadLetter], left_out: list[str]) -> Iterator[DeadLetter]:
    """Return dead letters that can be sent again; the ids of the others are added to `left_out`."""
    for dead_letter in dead_letters:
        if dead_letter.value is None:
            left_out.append(dead_letter.dead_letter_id)
        else:
            yield dead_letter


def read_dead_letters(settings: Settings, cause: str | None, unreadable: UnreadableRecords) -> Iterator[DeadLetter]:
    """Yield all dead letters in the topic, one at a time and one per id."""
    try:
        yield from active_dead_letters(
            dead_letters_in(settings), unreadable, lambda dead_letter: cause is None or dead_letter.cause == cause
        )
    except BrokerUnavailable as error:
        fail(str(error), ExitCode.UNAVAILABLE)


def _read_dead_letters_of(
    settings: Settings, video_id: str, cause: str | None, unreadable: UnreadableRecords
) -> Iterator[DeadLetter]:
    found = read_quickly(settings, lambda store: find_dead_letters(store, settings, video_id))
    try:
        records = list(read_found(settings, found))  # of one video
        yield from active_dead_letters(
            lambda: records, unreadable, lambda dead_letter: cause in (None, dead_letter.cause)
        )
    except BrokerUnavailable as error:
        fail(str(error), ExitCode.UNAVAILABLE)


def _ids(settings: Settings, cause: str | None, beginnings: list[str]) -> set[str]:
    """Return the complete ids; exits if a prefix matches none or several."""
    found: dict[str, set[str]] = {beginning: set() for beginning in beginnings}
    for dead_letter in read_dead_letters(settings, cause, UnreadableRecords()):
        for beginning in beginnings:
            if dead_letter.dead_letter_id.startswith(beginning):
                found[beginning].add(dead_letter.dead_letter_id)
    for beginning, ids in found.items():
        _require_one(beginning, len(ids))
    return {dead_letter_id for ids in found.values() for dead_letter_id in ids}


def _find(dead_letters: Iterable[DeadLetter], dead_letter_id: str) -> DeadLetter:
    first, number = None, 0
    for dead_letter in dead_letters:
        if dead_letter.dead_letter_id.startswith(dead_letter_id):
            first, number = first or dead_letter, number + 1
    _require_one(dead_letter_id, number)
    assert first is not None
    return first


def _require_one(dead_letter_id: str, number: int) -> None:
    if number != 1:
        fail(f"{dead_letter_id!r} names {counted(number, 'dead letter')}; expected one", ExitCode.FOUND)


def _print_line(dead_letter: DeadLetter, *, json_output: bool) -> None:
    if json_output:
        print_json(dead_letter)
        return
    head = (
        dead_letter.dead_letter_id[:12],
        dead_letter.cause,
        _key(dead_letter),
        _source(dead_letter),
        _when(dead_letter),
    )
    out.fitted("  ".join(head))
    out.fitted(f"  {plain_text(dead_letter.message, _LISTED_BYTES)}")


def _key(dead_letter: DeadLetter) -> str:
    """Return the key of the event, usually the video's id."""
    if dead_letter.key is None:
        return "(no key)"
    return plain_text(dead_letter.key.decode("utf-8", "backslashreplace"), _LISTED_BYTES)


def _source(dead_letter: DeadLetter) -> str:
    return f"{dead_letter.source.topic}/{dead_letter.source.partition}@{dead_letter.source.offset}"


def _when(dead_letter: DeadLetter) -> str:
    age_seconds = time.time() - dead_letter.failed_unix_seconds
    moment = datetime.fromtimestamp(dead_letter.failed_unix_seconds, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}Z ({age_seconds / 60:.0f} min ago)"

"""`vidsignal dead-letters`: look at what was given up, and send it again."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from ops.cli.console import clean_interrupt, err, fail, out, print_json, quiet_settings_or_exit, settings_or_exit
from ops.cli.exit_codes import ExitCode
from ops.cli.letters_of_video import find_letters, read_found
from ops.cli.quick_read import read_quickly
from ops.cli.unreadable_lines import end
from schemas.dead_letters import DeadLetter
from streams.config.settings import Settings
from streams.dead_letters.plain_text import plain_text
from streams.dead_letters.standing_letters import letters_in, standing_letters
from streams.kafka.clients import BrokerAway
from streams.kafka.unreadable import UnreadableRecords

app = typer.Typer(help="Look at events that were given up, and send them again.", no_args_is_help=True)

_LISTED_BYTES: Final = 200
"""Of a message or a key in a listing."""
_MOST_NAMED: Final = 20

CauseOption = Annotated[str | None, typer.Option(help="Only letters of this cause.")]


@app.command("list")
def list_letters(
    cause: CauseOption = None,
    video: Annotated[
        str | None, typer.Option(metavar="ID", help="Only letters of this video, without reading the whole topic.")
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object a letter.")] = False,
) -> None:
    """List dead letters: id, cause, key, place of the event, time, and what was wrong.

    Of each partition oldest first; of one video, and of a whole topic, one letter at a time is held. Exit code 1 where
    one of them cannot be read.
    """
    settings, unreadable, counts = quiet_settings_or_exit(), UnreadableRecords(), Counter[str]()
    wanted = read_letters(settings, cause, unreadable)
    for letter in wanted if video is None else _read_letters_of(settings, video, cause, unreadable):
        counts[letter.cause] += 1
        _print_line(letter, json_output=json_output)
    if not json_output:
        causes = "".join(f"; {number} {name}" for name, number in counts.most_common())
        out.print(f"{counts.total()} dead letters{causes}")
    end(unreadable)


@app.command("show")
def show_letter(
    letter_id: Annotated[str, typer.Argument(help="Its id, or the beginning of it.")],
    json_output: Annotated[bool, typer.Option("--json", help="The letter as one JSON object.")] = False,
) -> None:
    """Show one dead letter whole: cause, headers and the original bytes."""
    unreadable = UnreadableRecords()
    letter = _find(read_letters(settings_or_exit(), None, unreadable), letter_id)
    if json_output:
        print_json(letter)
        return
    out.heading(letter.dead_letter_id, f"  {letter.cause}  by {letter.role}, attempts {letter.attempts}")
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
    Letters without a value are passed over and named; exit code 1 then.
    """
    if not (letter_ids or cause or every):
        fail("name letters, or give --cause or --all", ExitCode.USAGE)
    from streams.dead_letters.redrive import redrive_letters

    settings, unreadable = settings_or_exit(), UnreadableRecords()
    ids = _ids(settings, cause, letter_ids) if letter_ids else None
    left_out: list[str] = []
    letters = read_letters(settings, cause, unreadable)
    chosen = (letter for letter in letters if ids is None or letter.dead_letter_id in ids)
    with clean_interrupt():
        try:
            num_sent = redrive_letters(settings, with_value(chosen, left_out))
        except BrokerAway as error:
            fail(str(error), ExitCode.AWAY)
    out.print(f"{num_sent} sent again")
    for letter_id in left_out[:_MOST_NAMED]:
        err.print(f"{letter_id[:12]} has no value to send: empty, or too large to keep; publish the upload again")
    if len(left_out) > _MOST_NAMED:
        err.print(f"and {len(left_out) - _MOST_NAMED} more without a value")
    end(unreadable, is_found=bool(left_out))


def with_value(letters: Iterable[DeadLetter], left_out: list[str]) -> Iterator[DeadLetter]:
    """Letters that can be sent again; the ids of the others are added to `left_out`."""
    for letter in letters:
        if letter.value is None:
            left_out.append(letter.dead_letter_id)
        else:
            yield letter


def read_letters(settings: Settings, cause: str | None, unreadable: UnreadableRecords) -> Iterator[DeadLetter]:
    """All dead letters that lie in the topic, one at a time and one per id."""
    try:
        yield from standing_letters(
            letters_in(settings), unreadable, lambda letter: cause is None or letter.cause == cause
        )
    except BrokerAway as error:
        fail(str(error), ExitCode.AWAY)


def _read_letters_of(
    settings: Settings, video_id: str, cause: str | None, unreadable: UnreadableRecords
) -> Iterator[DeadLetter]:
    found = read_quickly(settings, lambda store: find_letters(store, settings, video_id))
    try:
        records = list(read_found(settings, found))  # of one video
        yield from standing_letters(lambda: records, unreadable, lambda letter: cause in (None, letter.cause))
    except BrokerAway as error:
        fail(str(error), ExitCode.AWAY)


def _ids(settings: Settings, cause: str | None, beginnings: list[str]) -> set[str]:
    """The whole ids; ends the command where a beginning names none or several."""
    found: dict[str, set[str]] = {beginning: set() for beginning in beginnings}
    for letter in read_letters(settings, cause, UnreadableRecords()):
        for beginning in beginnings:
            if letter.dead_letter_id.startswith(beginning):
                found[beginning].add(letter.dead_letter_id)
    for beginning, ids in found.items():
        _require_one(beginning, len(ids))
    return {letter_id for ids in found.values() for letter_id in ids}


def _find(letters: Iterable[DeadLetter], letter_id: str) -> DeadLetter:
    first, number = None, 0
    for letter in letters:
        if letter.dead_letter_id.startswith(letter_id):
            first, number = first or letter, number + 1
    _require_one(letter_id, number)
    assert first is not None
    return first


def _require_one(letter_id: str, number: int) -> None:
    if number != 1:
        fail(f"{letter_id!r} names {number} dead letters; expected one", ExitCode.FOUND)


def _print_line(letter: DeadLetter, *, json_output: bool) -> None:
    if json_output:
        print_json(letter)
        return
    head = f"{letter.dead_letter_id[:12]}  {letter.cause}  {_key(letter)}  {_source(letter)}  {_when(letter)}"
    out.fitted(head)
    out.fitted(f"  {plain_text(letter.message, _LISTED_BYTES)}")


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

"""Dead letters are read one at a time, however many there are."""

from __future__ import annotations

import weakref
from collections.abc import Iterator

from ops.cli.dead_letters import with_value
from schemas.codec import encode
from schemas.dead_letters import DeadLetter
from schemas.facts import SourceOffset
from schemas.topics import DEAD_LETTER
from streams.dead_letters.active_dead_letters import active_dead_letters
from streams.kafka.clients import StoredRecord
from streams.kafka.unreadable import UnreadableRecords

MANY = 100_000


class CountedRecord(StoredRecord):
    """A record that can be watched while it lives; `StoredRecord` itself has slots."""


def dead_letter(number: int, value: bytes | None = b"{}") -> DeadLetter:
    return DeadLetter(
        dead_letter_id=f"{number:032d}", cause="event-invalid", message="", role="intake", attempts=1,
        source=SourceOffset(topic="video.uploaded", partition=0, offset=number), source_timestamp_unix_seconds=0.0,
        failed_unix_seconds=0.0, key=b"v", headers=(), value=value, value_bytes=2, value_sha256="",
    )  # fmt: skip


def record(number: int, key: bytes, value: bytes | None) -> StoredRecord:
    return CountedRecord(DEAD_LETTER.name, 0, number, 0.0, key, value, ())


def test_few_are_alive_at_once() -> None:
    """Of 100,000 dead letters no more than a handful exist at any moment, whatever the reader does with them."""
    alive: weakref.WeakSet[CountedRecord] = weakref.WeakSet()
    most = 0
    value = encode(dead_letter(0))

    def read() -> Iterator[StoredRecord]:
        nonlocal most
        for number in range(MANY):
            found = record(number, b"v#%d" % number, value)
            alive.add(found)  # type: ignore[arg-type]
            most = max(most, len(alive))
            yield found

    num_found = sum(1 for _ in with_value(active_dead_letters(read, UnreadableRecords()), []))
    assert num_found == MANY
    assert most <= 3


def test_what_was_taken_back_or_written_twice() -> None:
    """A tombstone ends a dead letter, and of two writes of one the last is given."""
    records = [
        record(0, b"v#a", encode(dead_letter(1))),
        record(1, b"v#b", encode(dead_letter(2))),
        record(2, b"v#a", None),
        record(3, b"v#b", encode(dead_letter(3))),
    ]
    found = list(active_dead_letters(lambda: records, UnreadableRecords()))
    assert [each.dead_letter_id for each in found] == [f"{3:032d}"]


def test_an_unreadable_letter_is_passed_over_and_named() -> None:
    """One that a newer release wrote stops no other."""
    unreadable = UnreadableRecords()
    records = [
        record(0, b"v#a", b'{"layout": 9}'),
        record(1, b"v#b", b"\xff"),
        record(2, b"v#c", encode(dead_letter(3))),
    ]
    assert len(list(active_dead_letters(lambda: records, unreadable))) == 1
    assert unreadable.number == 2
    assert any("v#a" in line for line in unreadable.lines())


def test_a_letter_without_a_value_stops_no_other() -> None:
    """It is left out and named, and what comes behind it is sent."""
    left_out: list[str] = []
    dead_letters = [dead_letter(1), dead_letter(2, None), dead_letter(3)]
    assert [each.dead_letter_id[-1] for each in with_value(dead_letters, left_out)] == ["1", "3"]
    assert left_out == [f"{2:032d}"]

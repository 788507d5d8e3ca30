"""The valid dead letters of the topic, one at a time: there may be more than fit into memory.

The topic is read twice: first to note the position of the last record of each key, then to yield each dead letter that
is the last of its key. So a withdrawn dead letter, which ends in a tombstone, is left out, and one that was written
twice is yielded once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from typing import Final

import msgspec

from schemas.dead_letters import DeadLetter
from schemas.topics import DEAD_LETTER
from streams.config.settings import Settings
from streams.kafka.clients import StoredRecord, read_to_end
from streams.kafka.unreadable import UnreadableRecords, decoded_record

Read = Callable[[], Iterable[StoredRecord]]
"""Reads the topic from its beginning; called twice."""

_DECODER: Final = msgspec.json.Decoder(DeadLetter)
_HASH_BYTES: Final = 16


def dead_letters_in(settings: Settings) -> Read:
    """Return a reader of the topic of dead letters. It raises BrokerUnavailable while reading."""
    return lambda: read_to_end(settings, [settings.topic_prefix + DEAD_LETTER.name])


def active_dead_letters(
    read: Read, unreadable: UnreadableRecords, is_wanted: Callable[[DeadLetter], bool] = lambda _: True
) -> Iterator[DeadLetter]:
    """Yield each valid dead letter that is wanted, by partition and in the order in which they were written.

    Args:
        read: reads the topic.
        unreadable: counts dead letters that cannot be read; these are skipped.
        is_wanted: selects dead letters.
    """
    last: dict[bytes, tuple[int, int]] = {}
    for record in read():
        _note(last, record)
    for record in read():
        if record.value is None or last.get(_name(record.key)) != (record.partition, record.offset):
            continue
        dead_letter = decoded_record(_DECODER, DEAD_LETTER.name, record.key, record.value, unreadable)
        if dead_letter is not None and is_wanted(dead_letter):
            yield dead_letter


def _note(last: dict[bytes, tuple[int, int]], record: StoredRecord) -> None:
    if record.value is None:
        last.pop(_name(record.key), None)
    else:
        last[_name(record.key)] = record.partition, record.offset


def _name(key: bytes | None) -> bytes:
    """Return a short digest of a key of any length."""
    return blake2b(key or b"", digest_size=_HASH_BYTES).digest()

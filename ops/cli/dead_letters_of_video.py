"""The dead letters of one video, found by the index in Redis, without reading the whole topic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.facts import SourceOffset
from schemas.topics import DEAD_LETTER
from streams.config.settings import Settings
from streams.kafka.clients import StoredRecord, read_to_end
from streams.kafka.record_places import read_places
from streams.store.dead_letter_partitions import partitions_by_key
from streams.store.keys import Keys
from streams.store.reading import ReadsStore
from streams.store.refusal_reading import read_refusals


@dataclass(frozen=True, slots=True)
class DeadLetterPlaces:
    """Where the dead letters of a video are."""

    places: tuple[SourceOffset, ...]
    """Of the last refusals."""
    partitions_by_key: dict[bytes, int]
    """Only the partition is known of the others."""


async def find_dead_letters(store: ReadsStore, settings: Settings, video_id: str) -> DeadLetterPlaces:
    """Read the log positions of a video's dead letters from Redis."""
    keys = Keys(settings.topic_prefix)
    refusals = await read_refusals(store, keys, video_id)
    placed = {refusal.dead_letter_id: refusal.letter for refusal in refusals if refusal.letter is not None}
    dead_letters = partitions_by_key(await store.hgetall(keys.letters(video_id)))
    others = {key: number for key, number in dead_letters.items() if key.rpartition(b"#")[2].decode() not in placed}
    return DeadLetterPlaces(tuple(placed.values()), others)


def read_found(settings: Settings, found: DeadLetterPlaces) -> Iterator[StoredRecord]:
    """Yield the dead letters' records, and tombstones of withdrawn ones; reads a partition only if necessary.

    Raises:
        BrokerUnavailable: no broker answers.
    """
    if found.places:
        yield from read_places(settings, found.places)
    topic = settings.topic_prefix + DEAD_LETTER.name
    for partition in sorted(set(found.partitions_by_key.values())):
        for record in read_to_end(settings, [topic], partition=partition):
            if record.key in found.partitions_by_key:
                yield record

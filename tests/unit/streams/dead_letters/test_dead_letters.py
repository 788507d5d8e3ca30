"""Dead letters of events that are as large as their topic takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from schemas.codec import encode
from schemas.dead_letters import DeadLetter
from schemas.facts import Failure
from schemas.topics import UPLOADED, Topic
from streams.dead_letters.dead_letters import DeadLetters
from streams.kafka.publisher import _check_size
from streams.record import Place, Record
from streams.store.keys import Keys
from tests.fakes import ManualClock, MemoryPublisher

KEY_BYTES = UPLOADED.max_message_bytes - 1_024
FAILURE = Failure(cause="event-invalid", message="the key is not the video's id")


@dataclass
class SizedPublisher(MemoryPublisher):
    """Refuses what a topic does not take, as the worker's does."""

    dead_letters: list[DeadLetter] = field(default_factory=list)

    async def publish(self, topic: Topic, key: Any, event: Any, *, headers: Any = (), partition: Any = None) -> int:
        _check_size(topic, key, encode(event), headers)
        self.dead_letters.append(event)
        return 0


class NothingKnown:
    """A Redis that knows of no dead letter and no deletion."""

    def register_script(self, _text: str) -> Any:
        async def run(**_asked: Any) -> list[None]:
            return [None, None]

        return run

    async def exists(self, _key: str) -> int:
        return 0

    async def set(self, *_asked: Any, **_named: Any) -> None:
        """Remember nothing."""


@pytest.mark.parametrize(
    ("key", "headers"),
    [(b"k" * KEY_BYTES, ()), (None, (("\x00" * KEY_BYTES, b""),)), (b"\xff" * KEY_BYTES, ())],
    ids=["a key", "a header's name", "a key of no text"],
)
async def test_the_largest_records_get_a_letter(key: bytes | None, headers: tuple[tuple[str, bytes], ...]) -> None:
    """Whatever part of a record is large: without a dead letter its worker would end at it, again and again."""
    publisher, redis = SizedPublisher(), NothingKnown()
    known: Any = redis
    taken: Any = publisher
    dead_letters = DeadLetters(taken, known, Keys(), ManualClock())
    record = Record(Place(UPLOADED.name, 0, 7), key, b"{}", headers, 1.0, 1)
    await dead_letters.write(record, FAILURE, role="intake")
    [dead_letter] = publisher.dead_letters
    assert dead_letter.key == key

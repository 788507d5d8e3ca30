"""Sending dead letters again: the original bytes, key and headers, and one header that says so."""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import Producer

from schemas.dead_letters import DeadLetter
from streams.kafka_clients import BrokerAway, producer_configuration, require_broker
from streams.settings import Settings

REDRIVE_HEADER = "vidsignal-redrive"
"""How often the event was sent again; the only header that a redrive adds or changes."""


def redriven_headers(letter: DeadLetter) -> list[tuple[str, bytes]]:
    """The original headers in order, with the redrive count raised."""
    count = next((int(value) for name, value in letter.headers if name == REDRIVE_HEADER), 0)
    kept = [(name, value) for name, value in letter.headers if name != REDRIVE_HEADER]
    return [*kept, (REDRIVE_HEADER, str(count + 1).encode())]


def redrive_letters(settings: Settings, letters: Iterable[DeadLetter], timeout_seconds: float = 60.0) -> None:
    """Publish each letter's original record to its source topic and wait for confirmation.

    Raises:
        BrokerAway: no broker answered, or one of the records was not confirmed in time.
    """
    require_broker(settings)
    producer = Producer(producer_configuration(settings))
    refused: list[str] = []

    def confirmed(error: object, _message: object) -> None:
        if error is not None:
            refused.append(str(error))

    for letter in letters:
        producer.produce(
            letter.source.topic,
            key=letter.key,
            value=letter.value,
            headers=redriven_headers(letter),
            on_delivery=confirmed,
        )
        producer.poll(0)
    if producer.flush(timeout_seconds) or refused:
        raise BrokerAway(f"not every record was confirmed: {refused or 'timed out'}")

"""Sending dead letters again: the original bytes, key and headers, and one header that says so."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.dead_letters import DeadLetter
from streams.confirmed_publishing import OutgoingRecord, publish_confirmed
from streams.settings import Settings

REDRIVE_HEADER = "vidsignal-redrive"
"""How often the event was sent again; the only header that a redrive adds or changes."""


def redriven_headers(letter: DeadLetter) -> list[tuple[str, bytes]]:
    """The original headers in order, with the redrive count raised."""
    count = next((int(value) for name, value in letter.headers if name == REDRIVE_HEADER), 0)
    kept = [(name, value) for name, value in letter.headers if name != REDRIVE_HEADER]
    return [*kept, (REDRIVE_HEADER, str(count + 1).encode())]


def redrive_letters(settings: Settings, letters: Iterable[DeadLetter]) -> int:
    """Publish each dead letter's original record to its source topic; return how many, once all are confirmed.

    Raises:
        BrokerAway: no broker answered, or one of the records was refused or not confirmed.
    """
    return publish_confirmed(settings, map(_redriven, letters))


def _redriven(letter: DeadLetter) -> OutgoingRecord:
    return OutgoingRecord(letter.source.topic, letter.key, letter.value, redriven_headers(letter))

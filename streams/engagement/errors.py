"""Errors that end a step of the engagement role, and whether a single event may have caused them."""

from __future__ import annotations

from typing import Final

from confluent_kafka import KafkaException
from redis import WatchError

from streams.store.shared_faults import is_shared


class Stopping(Exception):
    """The worker stops; unfinished work is redelivered."""


class Reassigned(Exception):
    """The batch in hand is of an earlier assignment; its events of partitions that are still ours are redelivered."""


_OF_NO_EVENT: Final = (KafkaException, Stopping, Reassigned, WatchError)


def is_of_an_event(error: BaseException) -> bool:
    """Return whether a single event, or the record of a single video, may have caused an error."""
    return isinstance(error, Exception) and not isinstance(error, _OF_NO_EVENT) and not is_shared(error)

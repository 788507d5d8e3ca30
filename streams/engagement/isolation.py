"""The boundary around engagement events: an unexpected error costs the event that brings it about, and no other.

A batch is counted in one transaction, so an error in it names nobody. It is counted in halves instead, each in a
transaction of its own, until one event is left that fails: that one is tried a few times and then answered with a dead
letter. Why: `docs/decisions`, 0020.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count as numbers

import structlog

from operators.internal_errors import InternalError
from schemas.facts import Failure
from streams.delivery.unexpected import INTERNAL_ERROR_ATTEMPTS, answer_to, report
from streams.engagement.batch_board import Batch
from streams.engagement.errors import is_of_an_event
from streams.engagement.summaries import ROLE
from streams.record import Place

Count = Callable[[Batch], None]
"""Counts a batch in one transaction, and removes partitions from it whose stored offset differs."""
GiveUp = Callable[[Batch, Failure], None]
"""Passes the only event of a batch over with a dead letter; takes it out of the batch where it may not be given up."""

_log = structlog.get_logger(__name__)


def count_isolated(batch: Batch, count: Count, give_up: GiveUp) -> None:
    """Count a batch, except events that fail by themselves.

    Args:
        batch: what is counted; partitions whose stored offset differs are removed from it.
        count: counts a part of it.
        give_up: answers an event that cannot be counted.

    Raises:
        Exception: an error that no single event causes.
    """
    try:
        count(batch)
    except Exception as error:
        if not is_of_an_event(error):
            raise
        if sum(len(found) for found in batch.values()) == 1:
            _end(batch, count, give_up, error)
        else:
            _log.warning("batch cannot be counted; counting it in parts", error=repr(error))
            in_parts(batch, _halves(batch), lambda part: count_isolated(part, count, give_up))


def in_parts(batch: Batch, parts: Iterable[Batch], count: Count) -> None:
    """Count parts of a batch one after another; a partition whose stored offset differs is left out of later parts."""
    for part in parts:
        asked = {partition: found for partition, found in part.items() if partition in batch}
        if not asked:
            continue
        left = dict(asked)
        count(left)
        for partition in asked.keys() - left.keys():
            del batch[partition]


def _end(batch: Batch, count: Count, give_up: GiveUp, error: Exception) -> None:
    """Try the only event of a batch again, a few times before it is given up."""
    ((partition, (message,)),) = batch.items()
    place = Place(message.topic(), partition, message.offset())
    for number in numbers(1):
        found = InternalError("record", error)
        found.__cause__ = error
        report(found, ROLE, place)
        if number >= INTERNAL_ERROR_ATTEMPTS:
            give_up(batch, answer_to(found))
            return
        try:
            count(batch)
        except Exception as again:
            if not is_of_an_event(again):
                raise
            error = again
        else:
            return


def _halves(batch: Batch) -> Iterable[Batch]:
    """Return the partitions one by one, or the two halves of the only one."""
    if len(batch) > 1:
        return [{partition: found} for partition, found in batch.items()]
    ((partition, found),) = batch.items()
    middle = len(found) // 2
    return [{partition: found[:middle]}, {partition: found[middle:]}]

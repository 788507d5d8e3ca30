"""Records of our own topics that cannot be read, such as those of a newer release: skipped, counted and named."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import msgspec

_MOST_NAMED: Final = 20
_LONGEST_WHY: Final = 200

UNREADABLE_ERRORS: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""Errors raised by decoding bytes that are not one of our records."""


class UnreadableRecords:
    """The records that a reader of topics skipped."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._named: list[str] = []

    @property
    def number(self) -> int:
        """Number of skipped records."""
        return self._counts.total()

    def note(self, topic: str, key: bytes | None, error: Exception, place: str = "") -> None:
        """Count a record, and remember the first ones by name.

        Args:
            topic: without the stack's prefix.
            key: of the record.
            error: why it cannot be read.
            place: partition and offset, if known.
        """
        self._counts[topic] += 1
        from streams.observability import metrics  # imports the Prometheus client, which commands do not need

        metrics.RECORDS_UNREADABLE.labels(topic).inc()
        if len(self._named) < _MOST_NAMED:
            self._named.append(f"{topic}{place} key {key!r}: {str(error)[:_LONGEST_WHY]}")

    def add(self, other: UnreadableRecords) -> None:
        """Add the records that another reader skipped."""
        self._counts.update(other._counts)
        self._named = [*self._named, *other._named][:_MOST_NAMED]

    def lines(self) -> list[str]:
        """Return one line for each topic, and the first records by name; no line if all records were readable."""
        if not self._counts:
            return []
        counted = ", ".join(f"{number} of {topic}" for topic, number in sorted(self._counts.items()))
        more = [] if self.number <= len(self._named) else [f"and {self.number - len(self._named)} more"]
        return [
            f"records that this release cannot read were passed over: {counted}. If a newer release wrote them, run "
            "this command of that release",
            *self._named,
            *more,
        ]


def decoded_record(
    decoder: msgspec.json.Decoder[Any], topic: str, key: bytes | None, value: bytes, noted: UnreadableRecords | None
) -> Any | None:
    """Return the record, or None if it cannot be read, after noting it."""
    try:
        return decoder.decode(value)
    except UNREADABLE_ERRORS as error:
        (noted or UnreadableRecords()).note(topic, key, error)
        return None

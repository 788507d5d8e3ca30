"""Records of our own topics that cannot be read, such as those of a newer release: passed over, counted and named."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import msgspec

_MOST_NAMED: Final = 20
_LONGEST_WHY: Final = 200

UNREADABLE_ERRORS: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding bytes that are no record of ours raises."""


class UnreadableRecords:
    """What a reader of topics passed over."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._named: list[str] = []

    @property
    def number(self) -> int:
        """How many there were."""
        return self._counts.total()

    def note(self, topic: str, key: bytes | None, error: Exception, place: str = "") -> None:
        """Count a record, and remember the first ones by name.

        Args:
            topic: without the stack's prefix.
            key: of the record.
            error: why it cannot be read.
            place: partition and offset, where they are known.
        """
        self._counts[topic] += 1
        from streams.observability import metrics  # with the client of Prometheus, which commands do without

        metrics.RECORDS_UNREADABLE.labels(topic).inc()
        if len(self._named) < _MOST_NAMED:
            self._named.append(f"{topic}{place} key {key!r}: {str(error)[:_LONGEST_WHY]}")

    def add(self, other: UnreadableRecords) -> None:
        """Take over what another reader passed over."""
        self._counts.update(other._counts)
        self._named = [*self._named, *other._named][:_MOST_NAMED]

    def lines(self) -> list[str]:
        """One line for each topic, and the first records by name; none where all could be read."""
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
    """The record, or None where it cannot be read and that is noted."""
    try:
        return decoder.decode(value)
    except UNREADABLE_ERRORS as error:
        (noted or UnreadableRecords()).note(topic, key, error)
        return None

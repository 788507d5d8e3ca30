"""Which live uploads of a creator are analysed at once: the first few of each minute."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from streams.record import Record

DEFAULT_PER_MINUTE: Final = 30
"""The least default."""
_PER_DECODER: Final = 15
"""About a fifth of what a worker analyses in a minute with one core: 2.5 videos a second were measured with two."""
_MINUTE_SECONDS: Final = 60.0
_MAX_REMEMBERED: Final = 10_000
"""Minutes of creators that are remembered; the least recently used are forgotten, and may then fill once more."""


def default_per_minute(decode_processes: int) -> int:
    """Return the share by default: it grows with the worker, so that a flood delays others by the same time on machines
    of all sizes.

    Args:
        decode_processes: of the worker; by default its cores, which decide what it analyses in a minute.
    """
    return max(DEFAULT_PER_MINUTE, _PER_DECODER * decode_processes)


class CreatorShares:
    """Counts the uploads of each creator in each minute of the broker's time.

    It depends only on the records: neither on when they are read, so that a backlog of an outage is no flood, nor on
    their order across partitions. A record that is delivered again keeps its place in the share.

    Args:
        per_minute: uploads of one creator in one minute that are analysed at once.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._taken: OrderedDict[tuple[str, int], set[tuple[str, int, int]]] = OrderedDict()

    def admits(self, creator_id: str, record: Record) -> bool:
        """Return whether the upload is within its creator's share, and take its place there."""
        minute = (creator_id, int(record.timestamp_unix_seconds // _MINUTE_SECONDS))
        taken = self._taken.setdefault(minute, set())
        self._taken.move_to_end(minute)
        place = (record.place.topic, record.place.partition, record.place.offset)
        if place not in taken and len(taken) >= self._per_minute:
            return False
        taken.add(place)
        if len(self._taken) > _MAX_REMEMBERED:
            self._taken.popitem(last=False)
        return True

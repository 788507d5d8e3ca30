"""Selects the waiting items of the next batch. Plain Python: no tensors, no tasks, no threads, an injected clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from itertools import chain, islice
from operator import attrgetter

from operators.errors import Overloaded
from operators.inference.batch_sizes import check_batch_sizes, choose_batch_size
from operators.inference.priority_queue import PriorityQueue, WaitingItem
from operators.inference.request_context import LANES, Lane, RequestContext

Clock = Callable[[], float]
"""Monotonic seconds."""


WAITING_ITEMS = 512
"""With images of 224 pixels a full class uses 77 MB."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """Options of the policy."""

    max_waiting_items: int | None = None
    """Per model and priority class, so that a queue full of backfill never blocks a live item. None: `WAITING_ITEMS`,
    or as many as the device has in flight."""
    urgent_seconds: float = 1.0
    """A video with a deadline within this time goes before the others of its priority class."""
    videos_sharing: int = 4
    """How many of the earliest videos share a batch in turns."""
    batches_per_age_turn: int = 8
    """One batch in this many is an aging slot: selected by age alone, whatever priority class or deadline."""

    def holding(self, num_items: int) -> BatchLimits:
        """Return limits with room for the items that a device has in flight, unless they state how many may wait."""
        return self if self.max_waiting_items else replace(self, max_waiting_items=max(WAITING_ITEMS, num_items))

    @property
    def waiting_items(self) -> int:
        """How many items may wait."""
        return self.max_waiting_items or WAITING_ITEMS


@dataclass(frozen=True, slots=True)
class Batch:
    """Items that go to the device together."""

    items: tuple[WaitingItem, ...]
    size: int
    """The batch size on the device, at least the number of items."""
    queue_age_seconds: float
    """How long the oldest of the items waited."""
    videos: int
    """Number of distinct videos."""

    @property
    def padded_slots(self) -> int:
        """Rows of the batch without an item."""
        return self.size - len(self.items)


class BatchPolicy:
    """Queue and order of one model's waiting items.

    - It never waits for more items: whatever waits becomes a batch at once.
    - Live goes before backfill. Only live items determine the size; the remaining rows are filled with backfill, so no
      live item waits for a larger batch. A priority class on hold is skipped.
    - Within a class, videos near their deadline come first, completely; the rest is shared in turns among the earliest
      few.
    - One batch in `batches_per_age_turn` takes the items that waited longest. So nothing starves: an item with `k`
      older ones leaves after at most `batches_per_age_turn * (k + 1)` batches, under any load.
    - Only sizes of `sizes` occur; for backfill alone only `backfill_sizes`, because a live item may arrive meanwhile.
    """

    def __init__(
        self, sizes: Sequence[int], limits: BatchLimits, clock: Clock, backfill_sizes: Sequence[int] = ()
    ) -> None:
        self._sizes: dict[Lane, tuple[int, ...]] = {
            "live": check_batch_sizes(sizes),
            "backfill": check_batch_sizes(backfill_sizes or sizes),
        }
        self._limits = limits
        self._clock = clock
        self._lanes: dict[Lane, PriorityQueue] = {lane: PriorityQueue() for lane in LANES}
        self._waiting: dict[int, WaitingItem] = {}
        self._held: Lane | None = None
        self._next_token = 0
        self._num_batches = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, context: RequestContext) -> int:
        """Queue one item and return its token.

        Raises:
            Overloaded: `waiting_items` of its priority class wait already.
        """
        lane = self._lanes[context.lane]
        if len(lane) >= self._limits.waiting_items:
            raise Overloaded(f"{len(lane)} {context.lane} items wait, at most {self._limits.waiting_items} may")
        item = WaitingItem(self._next_token, context, self._clock())
        self._next_token += 1
        lane.add(item)
        self._waiting[item.token] = item
        return item.token

    def discard(self, token: int) -> bool:
        """Remove an item that nobody waits for any more; False if it has left the queue already."""
        item = self._waiting.pop(token, None)
        if item is None:
            return False
        self._lanes[item.context.lane].remove((item,))
        return True

    def hold(self, lane: Lane | None) -> None:
        """Hold the items of a priority class in the queue until the next call; None releases all."""
        self._held = lane

    def oldest_seconds(self, lane: Lane) -> float | None:
        """Return when the longest waiting item of a priority class was queued, or None if none is available there."""
        item = None if lane == self._held else self._lanes[lane].oldest()
        return None if item is None else item.since_seconds

    def next_batch(self) -> Batch | None:
        """Take the next batch out of the queue, or return None if no item is available."""
        lanes = self._open_lanes()
        if not lanes:
            return None
        self._num_batches += 1
        size = choose_batch_size(len(self._lanes[lanes[0]]), self._sizes[lanes[0]])
        items = tuple(islice(self._order(lanes), size))
        self._take(items, lanes)
        oldest_seconds = min(item.since_seconds for item in items)
        videos = len({item.context.video_id for item in items})
        return Batch(items, size, queue_age_seconds=self._clock() - oldest_seconds, videos=videos)

    def _take(self, items: Sequence[WaitingItem], lanes: Sequence[Lane]) -> None:
        for item in items:
            del self._waiting[item.token]
        if len(lanes) == 1:
            self._lanes[lanes[0]].remove(items)
            return
        for lane in lanes:
            self._lanes[lane].remove([item for item in items if item.context.lane == lane])

    def _open_lanes(self) -> list[Lane]:
        """Return priority classes with available items, the most urgent first."""
        return [lane for lane in LANES if lane != self._held and len(self._lanes[lane])]

    def _order(self, lanes: Sequence[Lane]) -> Iterator[WaitingItem]:
        if self._num_batches % self._limits.batches_per_age_turn == 0:
            return merge(*(self._lanes[lane].by_age() for lane in lanes), key=attrgetter("token"))
        now_seconds = self._clock()
        return chain.from_iterable(
            self._lanes[lane].by_urgency(now_seconds, self._limits.urgent_seconds, self._limits.videos_sharing)
            for lane in lanes
        )

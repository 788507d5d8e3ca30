"""Which waiting items form the next batch. Plain Python: no tensors, no tasks, no threads, an injected clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import chain, islice
from operator import attrgetter

from operators.errors import Overloaded
from operators.inference.batch_sizes import check_batch_sizes, choose_batch_size
from operators.inference.priority_queue import PriorityQueue, WaitingItem
from operators.inference.request_context import LANES, Lane, RequestContext

Clock = Callable[[], float]
"""Monotonic seconds."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """The numbers of the policy."""

    max_waiting_items: int = 512
    """Per model and lane; a bound for each lane, so that a queue full of backfill never keeps a live item out. With
    images of 224 pixels a full lane holds 77 MB."""
    urgent_seconds: float = 1.0
    """A video whose deadline is this near goes before the others of its lane."""
    videos_sharing: int = 4
    """How many of the earliest videos share a batch in turns."""
    batches_per_age_turn: int = 8
    """One batch in this many is given by age alone, whatever lane or deadline."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Items that go to the device together."""

    items: tuple[WaitingItem, ...]
    size: int
    """The shape that the device sees, at least the number of items."""
    queue_age_seconds: float
    """How long the oldest of the items waited."""

    @property
    def videos(self) -> int:
        """Number of distinct videos."""
        return len({item.context.video_id for item in self.items})

    @property
    def padded_slots(self) -> int:
        """Rows of the shape that no item fills."""
        return self.size - len(self.items)


class BatchPolicy:
    """Queue and order of one model's waiting items.

    - It never waits for company: whatever waits is a batch at once.
    - Live goes before backfill. The live items alone decide the size; rows that they leave free are filled with
      backfill, so that nobody who is in a hurry waits for a larger batch. A lane that is held gives nothing.
    - Within a lane, videos near their deadline come first, whole; the rest is shared in turns among the earliest few.
    - One batch in `batches_per_age_turn` takes the items that waited longest. So nothing starves: an item with
      `k` older ones is out after at most `batches_per_age_turn * (k + 1)` batches, under any load.
    - Only sizes of `sizes` occur; of backfill alone only `backfill_sizes`, as a live item may come meanwhile.
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
            Overloaded: `max_waiting_items` of its lane wait already.
        """
        lane = self._lanes[context.lane]
        if len(lane) >= self._limits.max_waiting_items:
            raise Overloaded(f"{len(lane)} {context.lane} items wait, at most {self._limits.max_waiting_items} may")
        item = WaitingItem(self._next_token, context, self._clock())
        self._next_token += 1
        lane.add(item)
        self._waiting[item.token] = item
        return item.token

    def discard(self, token: int) -> bool:
        """Drop an item that nobody waits for any more; False if it has left the queue already."""
        item = self._waiting.pop(token, None)
        if item is None:
            return False
        self._lanes[item.context.lane].remove(item)
        return True

    def hold(self, lane: Lane | None) -> None:
        """Keep a lane's items in the queue until another word; None lets all go."""
        self._held = lane

    def oldest_seconds(self, lane: Lane) -> float | None:
        """Return when the longest waiting item of a lane joined, or None if none waits there that may go."""
        item = None if lane == self._held else self._lanes[lane].oldest()
        return None if item is None else item.since_seconds

    def next_batch(self) -> Batch | None:
        """Take the next batch out of the queue, or return None if nothing waits that may go."""
        lanes = self._open_lanes()
        if not lanes:
            return None
        self._num_batches += 1
        size = choose_batch_size(len(self._lanes[lanes[0]]), self._sizes[lanes[0]])
        items = tuple(islice(self._order(lanes), size))
        for item in items:
            self.discard(item.token)
        oldest_seconds = min(item.since_seconds for item in items)
        return Batch(items, size, queue_age_seconds=self._clock() - oldest_seconds)

    def _open_lanes(self) -> list[Lane]:
        """Lanes with items that may go, the most urgent first."""
        return [lane for lane in LANES if lane != self._held and len(self._lanes[lane])]

    def _order(self, lanes: Sequence[Lane]) -> Iterator[WaitingItem]:
        if self._num_batches % self._limits.batches_per_age_turn == 0:
            return merge(*(self._lanes[lane].by_age() for lane in lanes), key=attrgetter("token"))
        now_seconds = self._clock()
        return chain.from_iterable(
            self._lanes[lane].by_urgency(now_seconds, self._limits.urgent_seconds, self._limits.videos_sharing)
            for lane in lanes
        )

"""Priority queue of one priority class for one model: waiting items by video, and the orders in which they may
leave."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, zip_longest
from operator import attrgetter

import msgspec

from operators.inference.request_context import RequestContext


class WaitingItem(msgspec.Struct, frozen=True, eq=False):
    """A position in the queue; the item itself stays with the batcher, so that the policy never handles a tensor."""

    token: int
    """Counts up, so a smaller token has waited longer."""
    context: RequestContext
    since_seconds: float
    """Time at which it was queued, on the monotonic clock."""


class VideoArrivals:
    """Remembers in which order videos first came, also while none of their items waits.

    A video's items arrive while it is decoded. Without this memory each of its pauses would move it to the end, and
    started videos would not be finished early.
    """

    def __init__(self, max_videos: int = 4096) -> None:
        self._places: OrderedDict[str, int] = OrderedDict()
        self._max_videos = max_videos
        self._next_place = 0

    def note(self, video_id: str) -> int:
        """Return the position of a video, a new one at the end if it is not remembered."""
        if video_id not in self._places:
            self._places[video_id] = self._next_place
            self._next_place += 1
            if len(self._places) > self._max_videos:
                self._places.popitem(last=False)
        return self._places[video_id]


Line = dict[int, WaitingItem]
"""A video's waiting items by token, oldest first; a dict, so that a cancelled item is removed in constant time."""


@dataclass(slots=True)
class WaitingVideo:
    """A video with waiting items."""

    place: int
    """Its position in the order of arrivals."""
    line: Line = field(default_factory=dict)


class PriorityQueue:
    """Waiting items of one priority class, kept per video in the order in which the videos first came."""

    def __init__(self) -> None:
        self._videos: dict[str, WaitingVideo] = {}
        self._arrivals = VideoArrivals()
        # A dict that is emptied from its front takes ever longer to find its first entry.
        self._by_age: OrderedDict[int, WaitingItem] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_age)

    def add(self, item: WaitingItem) -> None:
        """Add an item at the end of its video's items."""
        video_id = item.context.video_id
        video = self._videos.get(video_id)
        if video is None:
            video = self._videos[video_id] = WaitingVideo(self._arrivals.note(video_id))
        video.line[item.token] = item
        self._by_age[item.token] = item

    def remove(self, items: Iterable[WaitingItem]) -> None:
        """Remove items at any positions."""
        videos, by_age = self._videos, self._by_age  # called for every batch
        for item in items:
            token, video_id = item.token, item.context.video_id
            del by_age[token]
            line = videos[video_id].line
            del line[token]
            if not line:
                del videos[video_id]

    def oldest(self) -> WaitingItem | None:
        """Return the item that waited longest."""
        return next(iter(self._by_age.values()), None)

    def by_age(self) -> Iterator[WaitingItem]:
        """Yield every item, the longest waiting first."""
        return iter(self._by_age.values())

    def by_urgency(self, now_seconds: float, urgent_seconds: float, videos_sharing: int) -> Iterator[WaitingItem]:
        """Yield every item: videos near their deadline first, then the others in fair turns.

        Args:
            now_seconds: on the monotonic clock.
            urgent_seconds: a video with a deadline within this time goes first, completely and earliest deadline first.
                A deadline that has passed is missed and gives no precedence.
            videos_sharing: how many of the other videos take turns, see `in_turns`.
        """
        urgent: list[tuple[float, Line]] = []
        others: list[Line] = []
        for video in sorted(self._videos.values(), key=attrgetter("place")):
            line = video.line
            due_seconds = next(iter(line.values())).context.due_seconds
            if 0 <= due_seconds - now_seconds <= urgent_seconds:
                urgent.append((due_seconds, line))
            else:
                others.append(line)
        urgent.sort(key=lambda entry: entry[0])
        return chain(chain.from_iterable(line.values() for _, line in urgent), in_turns(others, videos_sharing))


def in_turns(lines: Sequence[Line], videos_sharing: int) -> Iterator[WaitingItem]:
    """Yield one item per video in turn, among the first `videos_sharing` videos until these have no more.

    Sharing among a few of the earliest, instead of among all, finishes started videos early and still mixes videos.
    """
    remaining = iter(lines)
    while group := list(islice(remaining, videos_sharing)):
        for turn in zip_longest(*(line.values() for line in group)):
            for item in turn:
                if item is not None:
                    yield item

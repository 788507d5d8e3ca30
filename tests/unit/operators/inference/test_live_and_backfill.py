"""What backfill costs live items in device time, whatever else the machine does: the policy with a clock of its own."""

from __future__ import annotations

import math
from random import Random

import pytest

from operators.inference.batch_policy import BatchLimits, BatchPolicy
from operators.inference.batch_sizes import brief_sizes
from operators.inference.request_context import RequestContext

ITEM_SECONDS = 0.008
BATCH_SECONDS = 0.002
"""Of a batch, whatever its size."""
SIZES = (1, 4, 8, 16)
LIVE_LOAD_RATIO = 0.3
NUM_VIDEOS = 1500
NUM_BACKFILL_WAITING = 128
MOST_TIMES_ALONE = 2.0


class Device:
    """One device and its queue; time passes only while a batch runs or nothing waits."""

    def __init__(self, has_backfill: bool) -> None:
        self.now_seconds = 0.0
        self.has_backfill = has_backfill
        brief = brief_sizes({size: BATCH_SECONDS + size * ITEM_SECONDS for size in SIZES}, SIZES)
        self.policy = BatchPolicy(SIZES, BatchLimits(), lambda: self.now_seconds, brief)
        self.num_backfill = 0
        self.waiting: dict[int, int] = {}
        """Live video by token."""

    def submit(self, video: int, num_items: int) -> None:
        context = RequestContext(f"live-{video}", "live", math.inf)
        self.waiting.update({self.policy.add(context): video for _ in range(num_items)})

    def refill(self) -> None:
        while self.has_backfill and len(self.policy) - len(self.waiting) < NUM_BACKFILL_WAITING:
            self.policy.add(RequestContext(f"backfill-{self.num_backfill // 16}", "backfill", math.inf))
            self.num_backfill += 1

    def run_batch(self) -> list[int]:
        """Videos of the live items in it; empty if nothing waits."""
        self.refill()
        batch = self.policy.next_batch()
        if batch is None:
            return []
        self.now_seconds += BATCH_SECONDS + batch.size * ITEM_SECONDS
        return [self.waiting.pop(item.token) for item in batch.items if item.token in self.waiting]


def latencies_of(num_items: int, *, has_backfill: bool) -> list[float]:
    """Seconds from arrival to the last item of each live video, ascending."""
    random, device = Random(1), Device(has_backfill)
    per_second = LIVE_LOAD_RATIO / (num_items * (ITEM_SECONDS + BATCH_SECONDS / SIZES[-1]))
    arrivals, at = [], 0.0
    for _ in range(NUM_VIDEOS):
        at += random.expovariate(per_second)
        arrivals.append(at)
    missing, latencies, next_video = [num_items] * NUM_VIDEOS, [], 0
    while len(latencies) < NUM_VIDEOS:
        while next_video < NUM_VIDEOS and arrivals[next_video] <= device.now_seconds:
            device.submit(next_video, num_items)
            next_video += 1
        if not device.waiting and not has_backfill:
            device.now_seconds = arrivals[next_video]
            continue
        for video in device.run_batch():
            missing[video] -= 1
            if missing[video] == 0:
                latencies.append(device.now_seconds - arrivals[video])
    return sorted(latencies)


def p99(latencies: list[float]) -> float:
    return latencies[int(0.99 * len(latencies))]


@pytest.mark.parametrize("num_items", [4, 8, 16])
def test_live_videos_take_at_most_twice_as_long(num_items: int) -> None:
    """The 99th percentile with backfill that never ends, over the one without; a video has several pictures."""
    alone = latencies_of(num_items, has_backfill=False)
    with_backfill = latencies_of(num_items, has_backfill=True)
    assert p99(with_backfill) <= MOST_TIMES_ALONE * p99(alone)

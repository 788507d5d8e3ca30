"""Schedules of `bench load`: repeatable, with the rate, the bursts and the creators that they are said to have."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from statistics import fmean, pvariance

import pytest

from ops.bench.load.mix import Arrival, Mix
from streams.backfill.creator_shares import DEFAULT_PER_MINUTE

SECONDS = 4_000.0
CLIPS = 7


def schedule(mix: Mix | None = None, seed: int = 3) -> list[Arrival]:
    return (mix or Mix()).arrivals(2.0, SECONDS, CLIPS, seed)


def counts_by_second(arrivals: list[Arrival]) -> list[int]:
    counted = Counter(int(each.at_seconds) for each in arrivals)
    return [counted[second] for second in range(int(SECONDS))]


class TestMix:
    def test_same_seed_same_schedule(self) -> None:
        """Two runs offer the same load."""
        assert schedule() == schedule()
        assert schedule() != schedule(seed=4)

    def test_times_are_in_order_and_within_the_step(self) -> None:
        """They are played one after the other."""
        times = [each.at_seconds for each in schedule()]
        assert all(first <= second for first, second in pairwise(times))
        assert 0.0 <= times[0]
        assert times[-1] < SECONDS

    def test_the_mean_rate_is_the_offered_one(self) -> None:
        """Bursts are not added to it."""
        assert len(schedule()) / SECONDS == pytest.approx(2.0, rel=0.05)

    def test_bursts_vary_more_than_a_plain_poisson_process(self) -> None:
        """Variance over mean of the counts is 1 without bursts."""
        plain, bursty = (counts_by_second(schedule(mix)) for mix in (Mix(burst_share=0.0), Mix(burst_ratio=6.0)))
        assert pvariance(plain) / fmean(plain) == pytest.approx(1.0, abs=0.1)
        assert pvariance(bursty) / fmean(bursty) > 1.5

    def test_few_creators_upload_most(self) -> None:
        """By Zipf's law with exponent 1, the first uploads twice what the second does."""
        counted = Counter(each.creator for each in schedule(Mix(most_per_minute=1_000)))
        assert [rank for rank, _ in counted.most_common(2)] == [0, 1]
        assert counted[0] / counted[1] == pytest.approx(2.0, rel=0.2)
        assert max(counted) < Mix().num_creators

    @pytest.mark.parametrize("mean_hz", [2.0, 30.0, 200.0])
    def test_no_creator_uploads_beyond_a_share(self, mean_hz: float) -> None:
        """On a fast machine as well, the backfill role gets none of them, in whichever minutes of the broker."""
        uploads: dict[int, list[float]] = {}
        for each in Mix().arrivals(mean_hz, 100.0, CLIPS, seed=3):
            uploads.setdefault(each.creator, []).append(each.at_seconds)
        for times in uploads.values():
            later = times[DEFAULT_PER_MINUTE:]
            assert all(last - first > 60.0 for first, last in zip(times, later, strict=False))

    def test_all_clips_occur_equally_often(self) -> None:
        """So that steps differ by their rate and not by their clips."""
        counted = Counter(each.clip for each in schedule())
        assert set(counted) == set(range(CLIPS))
        assert max(counted.values()) - min(counted.values()) <= 1

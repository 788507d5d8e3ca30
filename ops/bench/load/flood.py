"""One creator's flood: how much later others get their verdicts than without it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from ops.bench.load.mix import Mix
from ops.bench.load.open_loop import Due, OpenLoop, due_uploads
from ops.bench.load.step import ServedStep
from ops.bench.options import BenchOptions
from ops.bench.quantile import quantile
from ops.bench.report import Bound, Figure
from schemas.uploads import VideoUploaded
from streams.backfill.creator_shares import default_per_minute
from streams.config.settings import read_settings

FLOOD_UPLOADS, QUICK_FLOOD_UPLOADS = 10_000, 1_000
FLOOD_HZ: Final = 1_000.0
"""Faster than a worker reads them."""
OTHERS_LOAD: Final = 0.3
"""Rate of the others over that of a batch that is published at once."""
_BEFORE_SECONDS: Final = 5.0
"""Time of the others alone in a schedule."""
_WINDOW_SECONDS, _QUICK_WINDOW_SECONDS = 120.0, 30.0
_SEED: Final = 77
UPLOADS_PER_ANALYSIS: Final = 50
"""Least number of the flood's uploads that may delay others as long as the analysis of one video does."""


def delay_bound_seconds(num_uploads: int, capacity_hz: float, per_minute: int) -> float:
    """Return the permitted delay of an upload of another creator, on a machine that analyses so many videos a second.

    A flood of less than a minute is in two minutes at most, and each has its share of `per_minute` uploads.
    """
    return (2 * per_minute + num_uploads / UPLOADS_PER_ANALYSIS) / capacity_hz


def flood_of(number: int, clips: Sequence[VideoUploaded]) -> list[Due]:
    """Return the uploads of one creator; nobody waits for their verdicts."""
    return [
        Due(
            _BEFORE_SECONDS + place / FLOOD_HZ,
            replace(clips[place % len(clips)], video_id=f"flood-{place}", creator_id="the-flood"),
            is_awaited=False,
        )
        for place in range(number)
    ]


def longest_delay_seconds(calm: ServedStep, flooded: ServedStep) -> float:
    """Return the longest delay of one upload; both played the same schedule of the others."""
    return max(later - usual for usual, later in zip(_in_order(calm), _in_order(flooded), strict=True))


def flood_figures(
    loop: OpenLoop, clips: Sequence[VideoUploaded], capacity_hz: float, options: BenchOptions
) -> tuple[Figure, ...]:
    """Play the same uploads of many creators without and with the flood; the last part of a run, because the flood's
    own videos are still waiting when it ends."""
    number = QUICK_FLOOD_UPLOADS if options.is_quick else FLOOD_UPLOADS
    window_seconds = _QUICK_WINDOW_SECONDS if options.is_quick else _WINDOW_SECONDS
    arrivals = Mix(burst_share=0.0).arrivals(OTHERS_LOAD * capacity_hz, window_seconds, len(clips), _SEED)
    calm = loop.play(due_uploads("calm", arrivals, clips), window_seconds).served
    calm_p99_seconds = quantile(calm.latencies_seconds(), 0.99)
    options.say(f"others alone: p99 {calm_p99_seconds:.2f} s; now {number} uploads of one creator as well")
    others = due_uploads("flooded", arrivals, clips)
    both = sorted([*others, *flood_of(number, clips)], key=lambda due: due.at_seconds)
    flooded = loop.play(both, window_seconds).served
    bound = delay_bound_seconds(number, capacity_hz, default_per_minute(read_settings().decode_processes))
    return (
        Figure("uploads of the flood", float(number), "uploads"),
        Figure("others, longest delay", longest_delay_seconds(calm, flooded), "s", Bound("at most", bound)),
        Figure("others alone, p99", calm_p99_seconds, "s"),
        Figure("others during the flood, p50", quantile(flooded.latencies_seconds(), 0.5), "s"),
        Figure("others during the flood, p99", quantile(flooded.latencies_seconds(), 0.99), "s"),
    )


def _in_order(served: ServedStep) -> list[float]:
    return [latency for video in served.due_seconds for latency in served.latencies_seconds([video])]

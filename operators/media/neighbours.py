"""Plans a second look: which pictures around a sampled one, or of a clip, are decoded. Pure, like `plan`."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from operators.media.index import VideoStreamIndex
from operators.media.plan import FAR_SECONDS, DecodeSpan, VideoPlan
from operators.media.tracks import SampledFrame

REACHES_SECONDS = (0.04, 0.12, 0.4)
"""Distances on either side. The nearest are for inserts of a few pictures, the farthest for changes by a coder or a
shaking hand."""
MAX_INTERVAL_SECONDS = 1.0
"""In videos with longer intervals, pictures within a few seconds are used."""
DEFAULT_INTERVAL_SECONDS = 0.04
NUM_NEIGHBOURS = 2 * len(REACHES_SECONDS)
_SLACK_SECONDS = 1e-3
"""Times of an index and of pictures differ by rounding."""


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """Result of a second decode."""

    frames: tuple[SampledFrame, ...]
    """Ascending; fewer than wanted, or none, if they cannot be decoded."""
    cpu_seconds: float
    """Of the decoder process and for fetching."""

    def around(self, seconds: float) -> tuple[SampledFrame, ...]:
        """Return the neighbours of the picture at `seconds`, without that picture itself: the nearest, as many as
        wanted."""
        others = [frame for frame in self.frames if abs(frame.pts_seconds - seconds) > _SLACK_SECONDS]
        nearest = sorted(others, key=lambda frame: abs(frame.pts_seconds - seconds))[:NUM_NEIGHBOURS]
        return tuple(sorted(nearest, key=lambda frame: frame.pts_seconds))


NOBODY = Neighbourhood((), 0.0)


def has_neighbours(video: VideoStreamIndex) -> bool:
    """Return whether there are other pictures: a still picture has none."""
    return video.num_packets > 1 or not video.is_complete


def neighbour_plan(
    video: VideoStreamIndex, plan: VideoPlan, seconds: Sequence[float], max_decoded_seconds: float
) -> VideoPlan | None:
    """Return what to decode around sampled pictures, everything else as in the video's own plan.

    Args:
        video: of the index.
        plan: by which the pictures were sampled.
        seconds: of the pictures, the most important first.
        max_decoded_seconds: of video, including lead-ins from keyframes; pictures beyond it are left out.

    Returns:
        None if nothing is to be decoded.
    """
    interval = _interval_seconds(video)
    return pictures_plan(video, plan, [_wanted(each, interval) for each in seconds], max_decoded_seconds)


def pictures_plan(
    video: VideoStreamIndex, plan: VideoPlan, groups: Sequence[Sequence[float]], max_decoded_seconds: float
) -> VideoPlan | None:
    """Return what to decode for the pictures that are shown at some times, in groups that are near each other.

    Args as for `neighbour_plan`; a group is decoded completely or not at all.
    """
    interval = _interval_seconds(video)
    spans = _within_budget([_span(video, group, interval) for group in groups], max_decoded_seconds)
    kept = [group for group in groups if any(_holds(span, (min(group) + max(group)) / 2) for span in spans)]
    if not kept or not has_neighbours(video):
        return None
    return replace(
        plan,
        spans=_joined(spans),
        wanted_seconds=tuple(sorted({time for group in kept for time in group})),
        spacing_seconds=FAR_SECONDS,
        skip_nonreference=False,
        max_motion_frames=0,
        max_outlines=0,
        max_text_pictures=0,
    )


def _interval_seconds(video: VideoStreamIndex) -> float:
    """Return the usual interval of two pictures."""
    rate = video.num_packets / video.duration_seconds if video.is_complete and video.duration_seconds else 0.0
    rate = rate or video.frame_rate_hz
    return min(MAX_INTERVAL_SECONDS, 1 / rate) if rate > 0 else DEFAULT_INTERVAL_SECONDS


def _wanted(seconds: float, interval: float) -> list[float]:
    """Return the middle of the time for which each wanted neighbour is shown, for evenly spaced pictures."""
    steps: list[int] = []
    for reach in REACHES_SECONDS:
        steps.append(max(round(reach / interval), (steps[-1] if steps else 0) + 1))
    before = [seconds - (step - 0.5) * interval for step in steps]
    after = [seconds + (step + 0.5) * interval for step in steps]
    return [*before, *after]


def _holds(span: DecodeSpan, seconds: float) -> bool:
    return span.start_seconds <= seconds < span.end_seconds


def _span(video: VideoStreamIndex, wanted: Sequence[float], interval: float) -> DecodeSpan:
    start = max(video.start_seconds, min(wanted) - interval)
    end = max(wanted) + interval
    before = bisect_right(video.keyframe_seconds, start)
    # From the beginning of the file no seek is needed, and some files cannot be sought.
    is_first = before <= 1 or not video.is_seekable
    return DecodeSpan("dense", start, end, None if is_first else video.keyframe_seconds[before - 1])


def _within_budget(spans: list[DecodeSpan], budget_seconds: float) -> list[DecodeSpan]:
    """Return as many of the first as fit; those that are reached from one keyframe share the lead-in."""
    kept: list[DecodeSpan] = []
    reached: dict[float | None, float] = {}
    spent = 0.0
    for span in spans:
        cost = max(0.0, span.end_seconds - reached.get(span.seek_seconds, span.seek_seconds or 0.0))
        if spent + cost <= budget_seconds:
            kept.append(span)
            reached[span.seek_seconds] = max(span.end_seconds, reached.get(span.seek_seconds, 0.0))
            spent += cost
    return kept


def _joined(spans: list[DecodeSpan]) -> tuple[DecodeSpan, ...]:
    """Return them ascending; overlapping ones are joined."""
    joined: list[DecodeSpan] = []
    for span in sorted(spans, key=lambda each: each.start_seconds):
        if joined and span.start_seconds <= joined[-1].end_seconds:
            joined[-1] = replace(joined[-1], end_seconds=max(joined[-1].end_seconds, span.end_seconds))
        else:
            joined.append(span)
    return tuple(joined)

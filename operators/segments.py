"""From scores over time to segments: neighbouring spans with high scores are joined."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from schemas.evidence import Segment

SEGMENT_FLOOR = 0.1
"""Lower scores are background: they count for a label's highest score, but form no segment."""
MAX_SEGMENTS = 50
"""Maximum number per label, the strongest."""


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """A time range of the video, [start_seconds, end_seconds)."""

    start_seconds: float
    end_seconds: float


def spans_between(
    pts_seconds: Sequence[float], end_seconds: float, longest_seconds: float = math.inf
) -> tuple[TimeSpan, ...]:
    """Return for every sampled frame the time up to the next one; for the last, up to the end.

    Args:
        pts_seconds: ascending.
        end_seconds: of the video; an end before the last frame, as in a broken header, is replaced by that frame's
            time.
        longest_seconds: maximum duration per frame: in a long video, the time between two sampled frames was not
            analysed.
    """
    ends = [*pts_seconds[1:], max(end_seconds, *pts_seconds[-1:], 0.0)]
    return tuple(
        TimeSpan(start, min(end, start + longest_seconds)) for start, end in zip(pts_seconds, ends, strict=True)
    )


def joined_spans(spans: Sequence[TimeSpan]) -> tuple[TimeSpan, ...]:
    """Return spans, by start, with those joined that touch or overlap."""
    joined: list[TimeSpan] = []
    for span in spans:
        if joined and span.start_seconds <= joined[-1].end_seconds:
            joined[-1] = TimeSpan(joined[-1].start_seconds, max(joined[-1].end_seconds, span.end_seconds))
        else:
            joined.append(span)
    return tuple(joined)


def runs_above(spans: Sequence[TimeSpan], scores: np.ndarray, floor: float) -> tuple[Segment, ...]:
    """Join touching or overlapping spans that score at least `floor`; each run keeps its peak.

    Args:
        spans: N spans, by start.
        scores: (N,) float in [0, 1].
        floor: in [0, 1].

    Returns:
        Segments in order of time.
    """
    runs: list[Segment] = []
    for index in map(int, np.flatnonzero(scores >= floor)):
        span, score = spans[index], unit_score(scores[index])
        if runs and span.start_seconds <= runs[-1].end_seconds and scores[index - 1] >= floor:
            runs[-1] = _joined(runs[-1], span, score)
        else:
            runs.append(Segment(start_seconds=span.start_seconds, end_seconds=span.end_seconds, score=score))
    return tuple(runs)


def strongest(segments: Iterable[Segment], limit: int = MAX_SEGMENTS) -> tuple[Segment, ...]:
    """Return the segments with the highest scores first, at most `limit`; of equal ones the earlier first."""
    return tuple(sorted(segments, key=lambda segment: (-segment.score, segment.start_seconds))[:limit])


def unit_score(score: float) -> float:
    """Return a model's number as a score in [0, 1]; half precision may exceed the range slightly."""
    return min(max(float(score), 0.0), 1.0)


def _joined(run: Segment, span: TimeSpan, score: float) -> Segment:
    return Segment(
        start_seconds=run.start_seconds,
        end_seconds=max(run.end_seconds, span.end_seconds),
        score=max(run.score, score),
    )

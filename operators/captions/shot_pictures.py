"""Which of a video's sampled frames a chat model is shown: one of each shot, as far as the number permits."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence


def shown_places(pts_seconds: Sequence[float], cuts_seconds: Sequence[float], limit: int) -> tuple[int, ...]:
    """Return the places of the frames that are shown, ascending, each once.

    With more shots than the limit, shots at equal distances are shown; with fewer, the shots with most frames are shown
    several times. A frame is from the middle of its part of the shot, far from the cuts.

    Args:
        pts_seconds: of the sampled frames, ascending.
        cuts_seconds: where shots begin, ascending; none if nobody knows.
        limit: most frames, at least one.
    """
    shots = _shots(pts_seconds, sorted(cuts_seconds))
    if len(shots) > limit:
        last = len(shots) - 1
        shots = [shots[round(number * last / max(1, limit - 1))] for number in range(limit)]
    counts = _counts([len(shot) for shot in shots], min(limit, sum(len(shot) for shot in shots)))
    return tuple(place for shot, count in zip(shots, counts, strict=True) for place in _middles(shot, count))


def _shots(pts_seconds: Sequence[float], cuts_seconds: Sequence[float]) -> list[list[int]]:
    """Return the places of the frames of each shot that has any."""
    shots: dict[int, list[int]] = {}
    for place, seconds in enumerate(pts_seconds):
        shots.setdefault(bisect_right(cuts_seconds, seconds), []).append(place)
    return list(shots.values())


def _counts(sizes: Sequence[int], total: int) -> list[int]:
    """Return how many frames of each shot are shown: one each, then those with most frames for each that is shown."""
    counts = [1 for _ in sizes]
    while sum(counts) < total:
        open_places = [place for place, size in enumerate(sizes) if counts[place] < size]
        counts[max(open_places, key=lambda place: sizes[place] / counts[place])] += 1
    return counts


def _middles(shot: Sequence[int], count: int) -> list[int]:
    return [shot[int((number + 0.5) * len(shot) / count)] for number in range(count)]

"""Distributes sample points: evenly over time, and in videos with uneven pictures evenly over the pictures as well.

Ten seconds of film and one more picture an hour later last an hour, but all content is in the first ten seconds. In a
screen recording that writes a picture when something changes, each picture is another slide.
"""

from __future__ import annotations

from collections.abc import Sequence

EVEN_RATIO = 0.1
"""Of the duration: pictures that deviate nowhere more from an even distribution count as even."""


def spread(
    num_times: int, start_seconds: float, duration_seconds: float, content: Sequence[float], *, max_times: int = 0
) -> list[float]:
    """Return ascending times in `[start, start + duration)`, at most `num_times` and a last slide that is shown
    briefly.

    Args:
        num_times: number of times.
        max_times: permitted for uneven pictures, if more: those that are spread over pictures are then additional.
        start_seconds: of the video.
        duration_seconds: of the video.
        content: times that divide its pictures into equal parts, ascending; empty if unknown. If there are at most
            `num_times`, those of all pictures.
    """
    if 2 <= len(content) <= num_times:
        return _each(content, start_seconds + duration_seconds)
    if is_even(content, start_seconds, duration_seconds):
        times = _even(num_times, start_seconds, duration_seconds)
        return [*times, *_last_slide(content, times, duration_seconds)]
    num_by_content = min(len(content), num_times - num_times // 3)
    num_by_time = min(num_times, max(num_times, max_times) - num_by_content)
    by_time = _even(num_by_time, start_seconds, duration_seconds)
    return sorted({*by_time, *_picked(content, num_by_content)})


def _each(content: Sequence[float], end_seconds: float) -> list[float]:
    """Return every picture, at the middle of its display time."""
    ends = [*content[1:], max(end_seconds, content[-1])]
    return [(start + end) / 2 for start, end in zip(content, ends, strict=True)]


def _last_slide(content: Sequence[float], times: Sequence[float], duration_seconds: float) -> list[float]:
    """Return the last picture if it is a slide: far after the previous one, and shown so briefly that no time falls on
    it."""
    if len(content) < 2 or not times or content[-1] <= times[-1]:
        return []
    is_apart = content[-1] - content[-2] >= duration_seconds / len(times) / 2
    return [content[-1]] if is_apart else []


def is_even(content: Sequence[float], start_seconds: float, duration_seconds: float) -> bool:
    """Return whether pictures are distributed about evenly over the duration."""
    if len(content) < 2 or duration_seconds <= 0:
        return True
    share = 1 / len(content)
    return all(
        abs((seconds - start_seconds) / duration_seconds - number * share) <= EVEN_RATIO + share
        for number, seconds in enumerate(content)
    )


def _even(num_times: int, start_seconds: float, duration_seconds: float) -> list[float]:
    step = duration_seconds / max(1, num_times)
    return [start_seconds + (number + 0.5) * step for number in range(num_times)]


def _picked(content: Sequence[float], num_times: int) -> list[float]:
    """Return up to `num_times` of the content's times, evenly chosen, including the first and the last."""
    if num_times < 2:
        return list(content[:num_times])
    step = (len(content) - 1) / (num_times - 1)
    return [content[round(number * step)] for number in range(num_times)]

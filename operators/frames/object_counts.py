"""How many people, faces, vehicles, animals and other objects the frames show that detectors looked at.

Objects are counted in each frame for itself and never followed or recognised: two frames with one person each may show
two people, or one twice. So a video's number is the largest of any frame.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, get_args

import numpy as np

from models.model_output import BoxOutput, CountedGroup
from operators.frames.objects import FoundObject, distinct

GROUPS: Final[tuple[CountedGroup, ...]] = get_args(CountedGroup)
SAME_OBJECT_RATIO: Final = 0.6
"""Overlap of two boxes of one group, of their union, from which on they are one object that fits two classes, such as
car and truck."""
MAX_NAMES: Final = 20


@dataclass(frozen=True, slots=True)
class CountedFrame:
    """What one detector found in one frame."""

    pts_seconds: float
    objects: tuple[FoundObject, ...]
    """Each physical object once."""
    groups: Mapping[CountedGroup, int]
    """Their numbers; 0 for what the detector looks for and does not see."""


def counted(
    pts_seconds: float, objects: Sequence[FoundObject], output: BoxOutput, groups: Collection[CountedGroup]
) -> CountedFrame:
    """Count the objects of one frame.

    Args:
        pts_seconds: when the frame is shown.
        objects: of one detector, the best first.
        output: of its card, which names groups.
        groups: what is counted; other objects are left out.
    """
    group_of = dict(zip(output.classes, output.groups, strict=True))
    once = _once([found for found in objects if group_of[found.class_name] in groups], group_of)
    numbers = Counter(group_of[found.class_name] for found in once)
    return CountedFrame(pts_seconds, once, {group: numbers[group] for group in GROUPS if group in groups})


def merged(frames: Iterable[CountedFrame]) -> list[CountedFrame]:
    """Return what several detectors, which count different things, found in each frame; ascending by time."""
    by_time: dict[float, CountedFrame] = {}
    for frame in frames:
        known = by_time.get(frame.pts_seconds, CountedFrame(frame.pts_seconds, (), {}))
        both = CountedFrame(frame.pts_seconds, known.objects + frame.objects, {**known.groups, **frame.groups})
        by_time[frame.pts_seconds] = both
    return [by_time[seconds] for seconds in sorted(by_time)]


def _once(objects: Sequence[FoundObject], group_of: Mapping[str, CountedGroup]) -> tuple[FoundObject, ...]:
    if not objects:
        return ()
    corners = np.array([(found.box.left, found.box.top, found.box.right, found.box.bottom) for found in objects])
    groups = np.array([GROUPS.index(group_of[found.class_name]) for found in objects])
    scores = np.array([found.score for found in objects])
    return tuple(objects[place] for place in distinct(corners, scores, groups, SAME_OBJECT_RATIO))


def largest_count(frames: Sequence[CountedFrame], group: CountedGroup) -> int:
    """Return the largest number in one frame, of at least one frame."""
    return max(frame.groups[group] for frame in frames)


def shown_ratio(frames: Sequence[CountedFrame], group: CountedGroup) -> float:
    """Return the share of at least one frame that show any."""
    return sum(frame.groups[group] > 0 for frame in frames) / len(frames)


def named_objects(frames: Sequence[CountedFrame]) -> list[dict[str, object]]:
    """Return each class that was found with its largest number, the share of the frames that show it and its best
    score: the best first, at most `MAX_NAMES`."""
    names = [Counter(found.class_name for found in frame.objects) for frame in frames]
    scores: dict[str, float] = {}
    for found in (found for frame in frames for found in frame.objects):
        scores[found.class_name] = max(found.score, scores.get(found.class_name, 0.0))
    best = sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:MAX_NAMES]
    return [
        {
            "name": name,
            "max_count": max(each[name] for each in names),
            "frame_ratio": sum(each[name] > 0 for each in names) / len(frames),
            "score": score,
        }
        for name, score in best
    ]

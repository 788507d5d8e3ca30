"""Counts of objects."""

from __future__ import annotations

import pytest

from models.model_output import BoxOutput
from operators.frames.object_counts import CountedFrame, counted, largest_count, merged, named_objects, shown_ratio
from operators.frames.objects import FoundObject
from schemas.evidence import FrameBox

OUTPUT = BoxOutput(
    0,
    ("person", "car", "truck", "cup"),
    threshold=0.5,
    max_boxes=50,
    max_overlap=0.5,
    groups=("people", "vehicles", "vehicles", "objects"),
)
ALL = ("people", "vehicles", "objects")


def found(name: str, left: float, score: float = 0.9, width: float = 0.2) -> FoundObject:
    return FoundObject(FrameBox(left=left, top=0.0, right=left + width, bottom=0.5), name, score)


def frame(*objects: FoundObject, seconds: float = 0.5) -> CountedFrame:
    return counted(seconds, objects, OUTPUT, ALL)


class TestFrame:
    def test_groups(self) -> None:
        """Each object counts in the group of its class; what is looked for and not there is 0."""
        assert frame(found("person", 0.0), found("person", 0.3), found("car", 0.6)).groups == {
            "people": 2,
            "vehicles": 1,
            "objects": 0,
        }

    def test_two_names_of_one_thing(self) -> None:
        """What is a car and a truck at the same place is one vehicle, by the better name; next to it stands another."""
        seen = frame(found("car", 0.1, 0.9), found("truck", 0.11, 0.8), found("truck", 0.5, 0.7))
        assert seen.groups["vehicles"] == 2
        assert [each.class_name for each in seen.objects] == ["car", "truck"]

    def test_others_at_the_same_place(self) -> None:
        """A person in front of a car is both."""
        assert frame(found("car", 0.1), found("person", 0.1)).groups == {"people": 1, "vehicles": 1, "objects": 0}

    def test_only_wanted_groups(self) -> None:
        """What another detector counts is left out."""
        seen = counted(0.5, [found("person", 0.0), found("cup", 0.5)], OUTPUT, ["objects"])
        assert (seen.groups, [each.class_name for each in seen.objects]) == ({"objects": 1}, ["cup"])


class TestVideo:
    FRAMES = (frame(found("person", 0.0), found("person", 0.5)), frame(seconds=1.5), frame(found("person", 0.0)))

    def test_largest(self) -> None:
        """The same person in two frames is not two people."""
        assert (largest_count(self.FRAMES, "people"), largest_count(self.FRAMES, "objects")) == (2, 0)

    def test_ratio(self) -> None:
        """The share of the frames that were looked at."""
        assert shown_ratio(self.FRAMES, "people") == pytest.approx(2 / 3)

    def test_names(self) -> None:
        """Each class with its largest number, its share of the frames and its best score, the best first."""
        frames = [frame(found("person", 0.0, 0.6), found("person", 0.5, 0.7)), frame(found("cup", 0.0, 0.8))]
        assert named_objects(frames) == [
            {"name": "cup", "max_count": 1, "frame_ratio": 0.5, "score": 0.8},
            {"name": "person", "max_count": 2, "frame_ratio": 0.5, "score": 0.7},
        ]

    def test_several_detectors(self) -> None:
        """What they find in one frame stands together, in order of time."""
        faces = CountedFrame(0.5, (found("face", 0.0),), {"faces": 1})
        (first, second) = merged([frame(seconds=1.5), frame(found("person", 0.0)), faces])
        assert (first.pts_seconds, second.pts_seconds) == (0.5, 1.5)
        assert first.groups == {"people": 1, "vehicles": 0, "objects": 0, "faces": 1}
        assert [each.class_name for each in first.objects] == ["person", "face"]

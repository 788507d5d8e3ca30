"""Selects sampled frames and frames of the motion track among decoded ones, by times only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

View = TypeVar("View")


class FramePicker:
    """Finds the frame that is displayed at each wanted time."""

    def __init__(self, wanted_seconds: tuple[float, ...]) -> None:
        """`wanted_seconds` is ascending."""
        self._wanted_seconds = wanted_seconds
        self._next = 0

    @property
    def is_done(self) -> bool:
        """Whether every wanted time has been served."""
        return self._next == len(self._wanted_seconds)

    def is_wanted_before(self, seconds: float) -> bool:
        """Return whether the frame shown until `seconds` is shown at a wanted time that no earlier frame has served."""
        first = self._next
        while self._next < len(self._wanted_seconds) and self._wanted_seconds[self._next] < seconds:
            self._next += 1
        return self._next > first


class MotionPicker:
    """Reduces frames to a rate without drift: a source with a slightly higher rate loses few frames."""

    def __init__(self, motion_hz: float, max_frames: int) -> None:
        self._interval_seconds = 1 / motion_hz
        self._frames_left = max_frames
        self._due_seconds = float("-inf")

    def is_wanted(self, seconds: float) -> bool:
        """Return whether the frame at `seconds` joins the track; frames arrive in order of time."""
        if seconds < self._due_seconds or self._frames_left == 0:
            return False
        on_time = seconds - self._due_seconds < self._interval_seconds
        self._due_seconds = (self._due_seconds if on_time else seconds) + self._interval_seconds
        self._frames_left -= 1
        return True


class ViewPicker:
    """Selects sampled views of transparent pictures: all views of the first pictures, so that a still is seen in each;
    for later ones they alternate."""

    MAX_EXTRA_VIEWS = 4
    """Per video, in addition to one for each sampled picture."""

    def __init__(self) -> None:
        self._extra_left = self.MAX_EXTRA_VIEWS
        self._turn = 0

    def due(self, views: Sequence[View]) -> Sequence[View]:
        """Return the views of one picture that are sampled."""
        if len(views) - 1 <= self._extra_left:
            self._extra_left -= len(views) - 1
            return views
        self._turn += 1
        return [views[self._turn % len(views)]]

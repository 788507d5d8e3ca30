"""Changes of shot: cuts, fades, dissolves and wipes, with begin and end.

Every operator that finds one kind works on the outlines of one span, and names pictures by their index in the span.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TransitionKind = Literal["cut", "fade", "dissolve", "wipe"]


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of shot."""

    kind: TransitionKind
    begin_seconds: float
    """Time of the last picture that shows the old shot alone; of a cut, of the first picture of the new one."""
    end_seconds: float
    """Time of the first picture that shows the new shot alone."""
    at_seconds: float
    """The time that stands for it: of the first picture of the new shot, or the middle of a gradual change."""


@dataclass(frozen=True, slots=True)
class ShotChange:
    """One change of shot in a span, by the indices of its pictures."""

    kind: TransitionKind
    begin: int
    end: int
    at: int

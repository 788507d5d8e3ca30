"""Deaths of a process by itself over the same piece of work: how many show that the work causes them.

Other threads run meanwhile, so a single death may have another cause. Deaths are counted only as long as the work was
never finished in between; a worker that finishes it once resets the count. Reasons and limits: `docs/decisions`, 0035.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from streams.lifecycle.fatal_error import WorkerExit

CRASHES_BEFORE_GIVING_UP: Final = 2
DEATHS_BEFORE_GIVING_UP: Final = 4
"""Includes deaths that something else in the process, or on the machine, may have caused."""

EndKind = Literal["crash", "unsure"]

_UNSURE: Final = frozenset(("SIGKILL", f"exit code {int(WorkerExit.STALLED)}"))
"""The OOM killer selects a process by its size, and any role may stall a process."""
_UNRELATED: Final = frozenset(f"exit code {int(code)}" for code in (WorkerExit.CRASHED, WorkerExit.DEVICE_LOST))
"""The process reported a fatal error and closed; work in another thread was only interrupted."""


def end_kind(ended_by: str) -> EndKind | None:
    """Return what an end says about the work that it interrupted; None if nothing.

    Args:
        ended_by: name of a signal, or `exit code <number>`, as `streams.lifecycle.outlive` reports it.
    """
    if ended_by in _UNRELATED:
        return None
    return "unsure" if ended_by in _UNSURE else "crash"


@dataclass(frozen=True, slots=True)
class OwnDeaths:
    """Deaths over the same work since it was last finished."""

    num_crashes: int = 0
    num_unsure: int = 0

    @property
    def number(self) -> int:
        """Number of deaths of both kinds."""
        return self.num_crashes + self.num_unsure

    @property
    def is_enough(self) -> bool:
        """Whether the work must not be tried again."""
        return self.num_crashes >= CRASHES_BEFORE_GIVING_UP or self.number >= DEATHS_BEFORE_GIVING_UP

    def after(self, end: EndKind) -> OwnDeaths:
        """Return the deaths after one more."""
        if end == "crash":
            return replace(self, num_crashes=self.num_crashes + 1)
        return replace(self, num_unsure=self.num_unsure + 1)

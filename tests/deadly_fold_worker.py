"""A worker whose fold crashes natively over one video: `python -m tests.deadly_fold_worker`, settings as ever."""

from __future__ import annotations

import signal
import sys
from typing import Any

from schemas.facts import Fact, Signal
from streams.config.settings import read_settings
from streams.decision.fold import fold, fold_next
from streams.recovery import refold
from streams.verdict import role
from streams.worker.worker import run_worker

DEADLY_FOLD_WORKER = (sys.executable, "-m", "tests.deadly_fold_worker")
DEADLY = "deadly"


def _crash_over(fact: Fact) -> None:
    if fact.video_id == DEADLY and isinstance(fact, Signal):
        signal.raise_signal(signal.SIGSEGV)  # in this thread at once, as a crash is; os.kill lets it go on meanwhile


def _fold(state: Any, fact: Fact, *rest: Any) -> Any:
    _crash_over(fact)
    return fold(state, fact, *rest)


def _fold_next(state: Any, fact: Fact, *rest: Any) -> Any:
    _crash_over(fact)
    return fold_next(state, fact, *rest)


def break_folds() -> None:
    """Let every fold of a signal of the deadly video end this process."""
    role.fold = _fold  # type: ignore[attr-defined]
    refold.fold_next = _fold_next  # type: ignore[attr-defined]


if __name__ == "__main__":
    break_folds()
    sys.exit(run_worker(read_settings()))

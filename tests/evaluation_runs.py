"""What an evaluation set is given in a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ops.evaluate.evaluation_set import EvaluationRun, Size
from streams.decision.policy_file import load_policy


def evaluation_run(
    folder: Path,
    data_dir: Path | None = None,
    size: Size = "full",
    seed: int = 1,
    leave_out: Callable[[str, str], None] = lambda _item, _reason: None,
) -> EvaluationRun:
    """Return a run without reference methods, under the default policy; fetched data is in the same folder unless
    another one is given."""
    return EvaluationRun(
        folder=folder,
        seed=seed,
        size=size,
        data_dir=data_dir or folder,
        references=frozenset(),
        policy=load_policy(None),
        on_item=lambda: None,
        leave_out=leave_out,
    )

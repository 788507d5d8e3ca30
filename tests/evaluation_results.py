"""A result of an evaluation set, for tests that are about parts of it."""

from __future__ import annotations

from collections.abc import Sequence

from ops.evaluate.evaluation_set import Size
from ops.evaluate.result import FORMAT, MethodCost, SetResult, SubjectResult


def set_result(
    *subjects: SubjectResult,
    size: Size = "full",
    version: int = 1,
    seed: int = 1,
    num_items: int = 4,
    costs: Sequence[MethodCost] = (),
) -> SetResult:
    """Return a result of the set `a-set`, of no models and with nothing left out."""
    return SetResult(
        format=FORMAT,
        set="a-set",
        version=version,
        size=size,
        seed=seed,
        description="",
        num_items=num_items,
        left_out={},
        sources={},
        models={},
        code_versions={},
        subjects=subjects,
        costs=tuple(costs),
    )

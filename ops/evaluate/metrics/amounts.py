"""Metrics of numbers: errors of shares, speeds, loudness; of all items and of each kind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ops.evaluate.judgements import Amount
from ops.evaluate.metrics.figures import figure, share
from ops.evaluate.metrics.intervals import bootstrapped
from ops.evaluate.result import MetricValue


def amount_figures(found: Sequence[Amount], unit: str) -> list[MetricValue]:
    """Return the figures of one method in one subject; what it abstains from counts for nothing else."""
    abstained = [each for each in found if each.said is None]
    kinds = sorted({each.kind for each in found} - {""})
    return [
        *_errors(found, "", unit),
        share("abstains", len(abstained), len(found)),
        *(each for kind in kinds for each in _errors([one for one in found if one.kind == kind], kind, unit)),
    ]


def _errors(found: Sequence[Amount], kind: str, unit: str) -> list[MetricValue]:
    errors = np.array([each.said - each.truth for each in found if each.said is not None], dtype=np.float64)
    if len(errors) == 0:
        return [figure(metric, None, 0, None, kind=kind, unit=unit) for metric in ("mean absolute error", "bias")]
    sizes = np.abs(errors)
    spread = bootstrapped(len(errors), lambda drawn: float(sizes[drawn].mean()))
    lean = bootstrapped(len(errors), lambda drawn: float(errors[drawn].mean()))
    return [
        figure("mean absolute error", float(sizes.mean()), len(errors), spread, kind=kind, unit=unit),
        figure("bias", float(errors.mean()), len(errors), lean, kind=kind, unit=unit),
        figure("largest error", float(sizes.max()), len(errors), None, kind=kind, unit=unit),
    ]

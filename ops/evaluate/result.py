"""Results of an evaluation: figures with intervals, as they are saved, printed and compared."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

from ops.evaluate.evaluation_set import Size

FORMAT: Final = 1
"""Raised when saved results of an older release can't be read."""

Metric = Literal[
    "precision",
    "recall",
    "F1",
    "false alarms",
    "AUC",
    "average precision",
    "right",
    "wrong",
    "abstains",
    "right when said",
    "mean absolute error",
    "bias",
    "largest error",
    "median time error",
    "95th percentile of time error",
    "time bias",
    "word error rate",
]
LOWER_IS_BETTER: Final[frozenset[Metric]] = frozenset(
    {
        "false alarms",
        "wrong",
        "mean absolute error",
        "largest error",
        "median time error",
        "95th percentile of time error",
        "word error rate",
    }
)
NEITHER_IS_BETTER: Final[frozenset[Metric]] = frozenset({"bias", "time bias", "abstains"})
"""Metrics that describe, and by which nothing gets worse."""


class MetricValue(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One metric of one method."""

    metric: Metric
    value: float | None
    """None: not measured, because nothing in the set could show it."""
    n: int
    """What the value is a share or a mean of: items said for precision, positives for recall, pairs for AUC."""
    low: float | None = None
    """95 % interval; None if there is none."""
    high: float | None = None
    kind: str = ""
    """Of the items; empty for all of them."""
    threshold: float | None = None
    unit: str = ""


class ReliabilityBin(Struct, frozen=True, kw_only=True):
    """Items whose scores fall into one range: a calibrated score equals the share of them that show the label."""

    low: float
    high: float
    """Exclusive, but for the last bin."""
    n: int
    mean_score: float
    true_share: float


class CurvePoint(Struct, frozen=True, kw_only=True):
    """What one threshold gives; None where it is not measured."""

    threshold: float
    precision: float | None
    recall: float | None
    load: float
    """Share of the items that reach the threshold."""


class ThresholdAdvice(Struct, frozen=True, kw_only=True):
    """A threshold that was looked for, and what it gives on this set."""

    wanted: Literal["precision", "review load"]
    target: float
    threshold: float | None
    """None: no threshold gives it."""
    precision: MetricValue
    recall: MetricValue
    load: float | None
    """Share of the items that reach the threshold."""


class MethodResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one method reached in one subject."""

    method: str
    num_items: int
    figures: tuple[MetricValue, ...]
    reliability: tuple[ReliabilityBin, ...] = ()
    curve: tuple[CurvePoint, ...] = ()
    advice: tuple[ThresholdAdvice, ...] = ()


class SubjectResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One subject; without methods it was not measured."""

    subject: str
    meaning: str
    model: str = ""
    label: str = ""
    num_items: int = 0
    num_positives: int | None = None
    """None where the truth is no yes or no."""
    num_negatives: int | None = None
    methods: tuple[MethodResult, ...] = ()


class MethodCost(Struct, frozen=True, kw_only=True):
    """What a method cost on the machine of the run; never compared."""

    method: str
    cpu_seconds: float
    media_seconds: float
    num_items: int


class SetResult(Struct, frozen=True, kw_only=True):
    """One run of one set. Equal runs give equal results, but for the costs."""

    format: int
    set: str
    version: int
    size: Size
    seed: int
    description: str
    num_items: int
    left_out: dict[str, str]
    """Reasons by item, of items that could not be judged."""
    sources: dict[str, str]
    """Licences by source."""
    models: dict[str, str]
    """Fingerprints of the models, by name."""
    code_versions: dict[str, int]
    """Of the agents, by modality."""
    subjects: tuple[SubjectResult, ...]
    costs: tuple[MethodCost, ...]

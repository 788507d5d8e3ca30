"""What an evaluation set is. A set is one file in `ops/evaluate/sets`, listed in `ops/evaluate/set_registry.py`.

A set declares its subjects, builds its items from a seed (or from files that `make evaluation-data` fetched), and
yields what the product and reference methods say of them, with the truth. It computes no metrics:
`ops/evaluate/metrics` does, from the kind of judgement. Truth comes from how an item is made, never from the product's
own output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from ops.evaluate.judgements import AnyJudgement, MethodSpent
from schemas.identity import Modality
from streams.decision.policy import Policy

Size = Literal["small", "full"]


class NotMeasurable(Exception):
    """The set cannot run here; the message says what is missing and how to get it."""


@dataclass(frozen=True, slots=True)
class JudgedSubject:
    """One thing that a set measures, such as `hard cuts` or a taxonomy label."""

    name: str
    """Unique within the set, as in tables and results."""
    meaning: str
    """One sentence for people: what counts as right."""
    model: str = ""
    """Name of the card that answers; its `checked_on` quotes the result. Empty: an operator without a model."""
    label: str = ""
    """Path of the taxonomy label that is measured, for the coverage table; empty if none."""
    thresholds: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Of `Scored`: thresholds to report, by method. For a label, those of the default policy are added."""
    tolerance_seconds: float = 0.0
    """Of `Timed`: how far outside of a true span a found time may be and count as right."""
    unit: str = ""
    """Of `Amount`."""
    wanted_precision: float = 0.9
    """Of `Scored`: the lowest threshold that reaches it is reported."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where material comes from."""

    name: str
    """Package and version, or `generated`."""
    licence: str
    """As the package states it; `not stated` otherwise."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A method to compare with; never a dependency of the product."""

    name: str
    """As in judgements."""
    module: str = ""
    """The method can run if this Python package is installed."""
    program: str = ""
    """The method can run if this program is on the path."""


@dataclass(frozen=True, slots=True)
class EvaluationRun:
    """What a set is given."""

    folder: Path
    """Empty and temporary; media are written here, and removed after the run."""
    seed: int
    """Everything that is drawn is drawn from it: the same seed and size give the same items."""
    size: Size
    """`small` takes at most a minute of one core, without reference methods."""
    data_dir: Path
    """Where `make evaluation-data` puts what it fetches."""
    references: frozenset[str]
    """Names of the reference methods that are wanted and can run."""
    policy: Policy
    """For sets that measure what is done, such as texts that are limited or sent to review."""
    on_item: Callable[[], None]
    """Called for each finished item; shows progress."""
    leave_out: Callable[[str, str], None]
    """Called with an item that cannot be judged, and the reason; results count them."""


class EvaluationSet(Protocol):
    """A set; plain class attributes do for all but `judge`.

    Implementations import what is expensive within `judge`, so that the list of sets is cheap.
    """

    @property
    def name(self) -> str:
        """On the command line and in the name of saved results: lower case, words joined by `-`."""

    @property
    def version(self) -> int:
        """Raised when a seed no longer gives the same items or judgements; saved results of another are stale."""

    @property
    def description(self) -> str:
        """One sentence for people: what it holds, and whether anything was fitted on it."""

    @property
    def subjects(self) -> tuple[JudgedSubject, ...]:
        """In the order of tables."""

    @property
    def sources(self) -> tuple[Source, ...]:
        """Of the material."""

    @property
    def references(self) -> tuple[Reference, ...]:
        """Methods that are run in addition to the product if they are wanted and installed."""

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """Agents whose code is measured; results name their code versions."""

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the cards that are used; results name their fingerprints."""

    def judge(self, run: EvaluationRun) -> Iterator[AnyJudgement | MethodSpent]:
        """Build the items, and yield each method's judgement of each, in a fixed order.

        Raises:
            NotMeasurable: something is missing.
        """

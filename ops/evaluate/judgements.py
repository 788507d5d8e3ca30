"""What a method said of one item, with the truth. Each kind has metrics of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PRODUCT: Final = "vidsignal"
"""The method that is the product itself, at its defaults; other methods are references."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Fields of each kind."""

    subject: str
    """Name of a `JudgedSubject` that the set declares."""
    item: str
    """Which item; unique within the set. One item may be judged in several subjects, by several methods."""
    method: str
    """`PRODUCT`, or the name of a reference method."""
    kind: str
    """Group of the item within the subject, such as `dissolve` or `capitals`; each is reported alone. Empty: none."""


@dataclass(frozen=True, slots=True)
class Scored(Judgement):
    """A score, where higher means the label more certainly: precision, recall, F1 at thresholds, AUC, calibration."""

    truth: bool
    score: float
    """In [0, 1]."""


@dataclass(frozen=True, slots=True)
class Decided(Judgement):
    """A yes or no without a score, such as `is a copy` or `was sent to review`: precision, recall, F1, by kind."""

    truth: bool
    said: bool


@dataclass(frozen=True, slots=True)
class TrueSpan:
    """Something that happens; a cut is a span without length."""

    start_seconds: float
    end_seconds: float
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Timed(Judgement):
    """Times found in an item: precision, recall and F1 within the subject's tolerance, errors of times.

    Kinds are those of the true spans; the judgement's own may be empty.
    """

    truth: tuple[TrueSpan, ...]
    said_seconds: tuple[float, ...]
    """One time for each thing found; a span that is found with begin and end is said by its middle."""
    frame_seconds: float = 0.0
    """Length of one frame, for errors in frames; 0 if unknown."""


@dataclass(frozen=True, slots=True)
class Amount(Judgement):
    """A number, such as a share or a speed: mean absolute error, bias, largest error."""

    truth: float
    said: float | None
    """None: the method abstains."""


@dataclass(frozen=True, slots=True)
class Choice(Judgement):
    """One of several, such as a language: right, wrong, abstains."""

    truth: tuple[str, ...]
    """Every answer that is right; empty if only abstaining is."""
    said: str | None
    """None: the method abstains."""


@dataclass(frozen=True, slots=True)
class Worded(Judgement):
    """Words that were said, and those that were heard: the word error rate."""

    truth: tuple[str, ...]
    """At least one."""
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MethodSpent:
    """What a method cost; the set yields it once or once per item, and sums are reported."""

    method: str
    cpu_seconds: float
    """User and system time of all threads and child processes, decoding included."""
    media_seconds: float = 0.0
    """Length of what was judged; 0 for texts and pictures."""
    num_items: int = 1


AnyJudgement = Scored | Decided | Timed | Amount | Choice | Worded

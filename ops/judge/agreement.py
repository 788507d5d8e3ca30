"""How often a judge and people agree, by what it was asked for: its band and its random share are other videos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from ops.evaluate.metrics.intervals import wilson
from schemas.evidence import AskedFor, JudgeAnswer, LabelEvidence
from schemas.outcomes import Verdict

ACTED: Final = ("limit", "block")
"""What a person did where a label was right. A review that asks for another person says nothing."""
ALL_LABELS: Final = "all"

Cell = Literal["yes acted", "yes allowed", "no acted", "no allowed", "unsure", "other label"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Answers of one judge about one label, or all, compared with people's decisions on the same videos."""

    judge: str
    """`name@version`."""
    asked_for: AskedFor
    label: str
    cells: Counter[Cell]

    @property
    def num_compared(self) -> int:
        """Answers with a yes or no, of videos whose review says something of the label."""
        return self._agreed + self.cells["yes allowed"] + self.cells["no acted"]

    @property
    def share(self) -> float | None:
        """How many of these agree, in [0, 1]; None without any."""
        return self._agreed / self.num_compared if self.num_compared else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval of the share."""
        return wilson(self._agreed, self.num_compared)

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa (J. Cohen, 1960), in [-1, 1]: agreement beyond what the shares of yes and of acting give by
        chance; None where chance alone agrees always, or without any."""
        if self.share is None:
            return None
        said_yes = (self.cells["yes acted"] + self.cells["yes allowed"]) / self.num_compared
        acted = (self.cells["yes acted"] + self.cells["no acted"]) / self.num_compared
        by_chance = said_yes * acted + (1 - said_yes) * (1 - acted)
        return None if by_chance == 1.0 else (self.share - by_chance) / (1 - by_chance)

    @property
    def _agreed(self) -> int:
        return self.cells["yes acted"] + self.cells["no allowed"]


def agreements(verdicts: Iterable[Verdict]) -> list[Agreement]:
    """Return the agreement of each judge, for what it was asked, with each label and with all.

    A review names an action and no label. So an answer counts only if a person allowed the video, or acted and no other
    label was a reason of the verdict.
    """
    found: dict[tuple[str, AskedFor, str], Counter[Cell]] = {}
    for verdict in verdicts:
        for item, judgement in _judged(verdict):
            cell = _cell(verdict, item, judgement)
            for label in (ALL_LABELS, item.label):
                found.setdefault((item.model, judgement.asked_for, label), Counter())[cell] += 1
    order = sorted(found, key=lambda key: (key[0], key[1], key[2] != ALL_LABELS, key[2]))
    return [Agreement(*key, found[key]) for key in order]


def _judged(verdict: Verdict) -> Iterator[tuple[LabelEvidence, JudgeAnswer]]:
    if verdict.reviewed is None or verdict.action == "review":
        return
    for item in verdict.labels:
        if isinstance(item.judgement, JudgeAnswer):
            yield item, item.judgement


def _cell(verdict: Verdict, item: LabelEvidence, judgement: JudgeAnswer) -> Cell:
    has_acted = verdict.action in ACTED
    if has_acted and any(reason.label not in (None, item.label) for reason in verdict.reasons):
        return "other label"
    if judgement.answer == "unsure":
        return "unsure"
    if judgement.answer == "yes":
        return "yes acted" if has_acted else "yes allowed"
    return "no acted" if has_acted else "no allowed"

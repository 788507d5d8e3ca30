"""What a run came to: as JSON for machines, as a table for people."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tests.chaos.judge.judge import Evaluation
from tests.chaos.judge.violations import SEVERITIES
from tests.chaos.world.fleet import Exit

_MOST_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Report:
    """One run."""

    seed: int
    media: str
    num_planned: int
    faults: Mapping[str, int]
    """That struck, by kind."""
    skipped: Sequence[Mapping[str, Any]]
    """That could not, and why; also those that broke off. A kind of which none struck makes a run a failure."""
    left_out: Sequence[Mapping[str, Any]]
    """Kinds that were not planned, as what they need is not here."""
    has_converged: bool
    before_audit: Evaluation
    after_audit: Evaluation
    recovery_seconds: Mapping[str, Mapping[str, float | int | None]]
    exits: Sequence[Exit]
    """Of workers that nobody asked to end."""

    @property
    def failures(self) -> list[str]:
        """What must not be; empty where all is well. What is stale may be mended by one audit."""
        before, after = self.before_audit.by_severity(), self.after_audit.by_severity()
        never = [severity for severity in SEVERITIES if severity != "stale"]
        found = [f"{before[severity]} {severity}" for severity in never if before[severity]]
        found += [f"{after[severity]} {severity} after one audit" for severity in SEVERITIES if after[severity]]
        found += [f"no {kind} could strike" for kind in self._never_struck()]
        return found if self.has_converged else [*found, "it did not converge"]

    def _never_struck(self) -> list[str]:
        return sorted({str(entry["kind"]) for entry in self.skipped if not self.faults.get(str(entry["kind"]))})

    def to_json(self) -> str:
        """All of it."""
        content: dict[str, Any] = {
            "seed": self.seed,
            "media": self.media,
            "failures": self.failures,
            "planned": self.num_planned,
            "faults": self.faults,
            "skipped": self.skipped,
            "left_out": self.left_out,
            "has_converged": self.has_converged,
            "recovery_seconds": self.recovery_seconds,
            "exits": [asdict(one) for one in self.exits],
        }
        for name, judgement in (("before_audit", self.before_audit), ("after_audit", self.after_audit)):
            content[name] = {
                "by_severity": judgement.by_severity(),
                "by_kind": judgement.by_kind(),
                "looked_at": judgement.looked_at,
                "violations": [asdict(violation) for violation in judgement.violations],
            }
        return json.dumps(content, indent=1, default=str)

    def to_text(self) -> str:
        """The table."""
        return "\n".join((*self._head(), "", *self._severities(), "", *self._recoveries(), "", *self._exits()))

    def _head(self) -> list[str]:
        looked = self.before_audit.looked_at
        redone = looked["redone"]
        return [
            f"seed {self.seed}: {sum(self.faults.values())} of {self.num_planned} faults; media: {self.media}",
            f"{looked['videos']} videos ({looked['live']} live), {looked['engagement_events']} engagement events "
            f"({looked['engagement_distinct']} distinct), {looked['reviews']} reviews, {looked['poison']} poison",
            f"published again: {redone['signals_again_ratio']:.1%} of signals, "
            f"{redone['accepted_again_ratio']:.1%} of acceptances",
            f"left out: {looked.get('left_by_the_older_release', 0)} known faults of the older release, "
            f"{looked.get('signals_of_lost_claims', 0)} signals computed twice because the store lost their claim",
            "well" if not self.failures else f"NOT WELL: {', '.join(self.failures)}",
        ]

    def _severities(self) -> list[str]:
        before, after = self.before_audit.by_severity(), self.after_audit.by_severity()
        rows = [f"{'':<14}{'before audit':>14}{'after audit':>14}"]
        rows += [f"{severity:<14}{before[severity]:>14}{after[severity]:>14}" for severity in SEVERITIES]
        rows += [f"  {kind} {number}" for kind, number in self.before_audit.by_kind().items()]
        for violation in self.after_audit.violations[:_MOST_SHOWN]:
            rows.append(f"  {violation.kind}: {violation.about} {violation.details}")
        return rows

    def _recoveries(self) -> list[str]:
        first = f"{'seconds until a verdict':<28}{'faults':>7}{'first p50':>11}{'max':>8}"
        head = f"{first}{'slowest partition p50':>23}{'max':>8}"
        return [head, *(_recovery_row(kind, times) for kind, times in self.recovery_seconds.items())]

    def _exits(self) -> list[str]:
        codes = Counter(one.code for one in self.exits)
        rows = [f"workers that ended by themselves: {len(self.exits)}"]
        rows += [f"  exit code {code}: {number}" for code, number in sorted(codes.items())]
        rows += [f"  {one.worker} {one.code}: {one.reason[:160]}" for one in self.exits[:_MOST_SHOWN]]
        return rows + [f"not done: {dict(entry)}" for entry in (*self.left_out, *self.skipped)]


def _recovery_row(kind: str, times: Mapping[str, float | int | None]) -> str:
    cells = [times["first_verdict_p50"], times["first_verdict_max"], times["slowest_partition_p50"]]
    first, worst, slowest, slowest_worst = (_cell(value) for value in (*cells, times["slowest_partition_max"]))
    return f"{kind:<28}{times['faults']:>7}{first:>11}{worst:>8}{slowest:>23}{slowest_worst:>8}"


def _cell(value: float | int | None) -> str:
    return "-" if value is None else f"{value:g}"

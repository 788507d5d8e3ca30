"""The log of facts: which signal of a modality wins, who reviewed, and how much was done twice."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.judge.evidence import Record
from tests.chaos.judge.violations import Violations

Fact = dict[str, Any]
Case = tuple[str, int]
"""Video and revision."""


@dataclass
class Facts:
    """All facts."""

    places: set[tuple[str, int]] = field(default_factory=set)
    """Video and offset of each fact."""
    accepted: dict[Case, int] = field(default_factory=dict)
    """Offset of the first acceptance."""
    signals: dict[tuple[str, int, str], list[Fact]] = field(default_factory=lambda: defaultdict(list))
    """By video, revision and modality, in the log's order."""
    reviews: dict[Case, list[Fact]] = field(default_factory=lambda: defaultdict(list))
    """Those behind the acceptance of their revision."""
    kinds: Counter[str] = field(default_factory=Counter)
    num_accepted_again: int = 0

    def winner(self, video_id: str, revision: int, modality: str) -> Fact | None:
        """The signal that counts: ok before failed, then the highest generation, then the first."""
        found = self.signals.get((video_id, revision, modality), [])
        ok = [fact for fact in found if fact["status"] == "ok"]
        if ok:
            return max(ok, key=lambda fact: int(fact["generation"]))  # the first of equals
        return found[0] if found else None

    def review(self, video_id: str, revision: int) -> Fact | None:
        """The review that holds: the latest by its own time."""
        found = self.reviews.get((video_id, revision), [])
        return max(found, key=lambda fact: float(fact["event_unix_seconds"])) if found else None

    def redone(self) -> dict[str, float]:
        """How much was published more than once."""
        total = sum(len(found) for found in self.signals.values())
        again = total - len(self.signals)
        accepted = len(self.accepted) + self.num_accepted_again
        return {
            "signals": total,
            "signals_again": again,
            "signals_again_ratio": round(again / max(1, total), 4),
            "accepted_again_ratio": round(self.num_accepted_again / max(1, accepted), 4),
            "deadline_facts": self.kinds["deadline"],
        }


def read_facts(records: Sequence[Record], violations: Violations) -> Facts:
    """Read the log; a signal that was published with two contents is a violation."""
    facts = Facts()
    firsts: dict[str, Record] = {}
    for record in records:
        fact = json.loads(record.value or b"{}")
        facts.kinds[fact["kind"]] += 1
        facts.places.add((fact["video_id"], record.offset))
        if fact["kind"] == "signal":
            facts.signals[(fact["video_id"], fact["revision"], fact["modality"])].append(fact)
            first = firsts.setdefault(fact["signal_id"], record)
            if first.value != record.value:
                _tell_two_contents(fact, first, record, violations)
        elif fact["kind"] == "accepted":
            case = (fact["video_id"], fact["revision"])
            facts.num_accepted_again += case in facts.accepted
            facts.accepted.setdefault(case, record.offset)
        elif fact["kind"] == "review":
            case = (fact["video_id"], fact["revision"])
            if case in facts.accepted:
                facts.reviews[case].append(fact)
    return facts


def _tell_two_contents(fact: Fact, first: Record, other: Record, violations: Violations) -> None:
    former = json.loads(first.value or b"{}")
    violations.add(
        "signal-with-two-contents",
        fact["video_id"],
        signal_id=fact["signal_id"],
        differing=sorted(name for name in {*former, *fact} if former.get(name) != fact.get(name)),
        first_unix_seconds=first.unix_seconds,
        other_unix_seconds=other.unix_seconds,
    )

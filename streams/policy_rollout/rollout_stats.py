"""Counts of examined verdicts by result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from schemas.outcomes import Action
from streams.policy_rollout.policy_evaluation import Evaluation, WhyNot

_NUM_EXAMPLES: Final = 5

Change = tuple[Action, Action]
"""The earlier action, and that of the policy."""


@dataclass(slots=True)
class RolloutStats:
    """Counts of one run."""

    num_chosen: int = 0
    num_reviewed: int = 0
    """Selected verdicts whose action was set by a person and stays."""
    changes: Counter[Change] = field(default_factory=Counter)
    """Selected verdicts by change of action, unchanged ones included."""
    examples: dict[Change, list[str]] = field(default_factory=dict)
    """Some videos of each change."""
    skipped: Counter[WhyNot] = field(default_factory=Counter)

    def choose(self, judgements: Iterable[Evaluation]) -> None:
        """Count verdicts that are decided again, or would be."""
        for found in judgements:
            change = (found.verdict.action, found.action)
            self.num_chosen += 1
            self.num_reviewed += found.is_reviewed
            self.changes[change] += 1
            named = self.examples.setdefault(change, [])
            if len(named) < _NUM_EXAMPLES:
                named.append(found.verdict.video_id)

    @property
    def num_changed(self) -> int:
        """Number of selected verdicts whose action changes."""
        return sum(number for (before, after), number in self.changes.items() if before != after)

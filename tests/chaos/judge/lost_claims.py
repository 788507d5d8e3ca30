"""What a store that lost confirmed writes may leave behind: a signal that was computed twice.

A claim keeps the bytes of a signal, so that a redelivered event publishes the same bytes again. A Redis that is killed
loses up to a second of its append-only file, and one that fails over loses what its replica had not received. A claim
among that is made again, with other low bits, times and costs. The fold keeps the first of the two signals, and so
does every rebuild, because both are in the log: no outcome hangs on the second.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tests.chaos.judge.judge import Evaluation
from tests.chaos.judge.violations import Violation

LOSES_WRITES: Final = frozenset({"kill-redis", "redis-failover", "full-redis-disk"})
"""Faults after which the store may have forgotten what it confirmed."""
_PUBLISHING_SECONDS: Final = 60.0
"""So long a claimed signal may wait for its broker: the claim is that much older than the record."""


def without_lost_claims(judgement: Evaluation, losses_unix_seconds: Sequence[float]) -> Evaluation:
    """Leave out signals of two contents between whose records, or shortly before, the store lost writes."""

    def is_known(violation: Violation) -> bool:
        if violation.kind != "signal-with-two-contents":
            return False
        began = violation.details["first_unix_seconds"] - _PUBLISHING_SECONDS
        return any(began <= loss <= violation.details["other_unix_seconds"] for loss in losses_unix_seconds)

    excused = [violation for violation in judgement.violations if is_known(violation)]
    left = tuple(violation for violation in judgement.violations if violation not in excused)
    return Evaluation(left, {**judgement.looked_at, "signals_of_lost_claims": len(excused)})

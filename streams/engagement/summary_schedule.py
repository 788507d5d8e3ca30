"""Schedule of summaries: at a limited rate, and sooner when reports begin."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from schemas.engagement import Engagement

REPORT_STEPS: Final = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 100_000)
"""Counts of reports at which a summary is due soon; they grow, so a flood of reports does not cause a flood of
summaries."""
SOON_SECONDS: Final = 5.0


def due_after_seconds(before: Engagement | None, after: Engagement, summary_seconds: float) -> float:
    """Return the longest time that a change may wait for its summary."""
    passed_step = _step(after) > _step(before)
    return min(SOON_SECONDS, summary_seconds) if passed_step else summary_seconds


def _step(engagement: Engagement | None) -> int:
    return bisect_right(REPORT_STEPS, engagement.counts.get("report", 0)) if engagement else 0

"""What is said about a video, compared: the projection of an outcome that a test made itself."""

from __future__ import annotations

from schemas.outcomes import Outcome
from streams.recovery.result_comparison import Projection, project


def project_outcome(outcome: Outcome) -> Projection:
    """The comparable part of an outcome."""
    return project(outcome.verdict, outcome.record.features, outcome.record.embeddings)

"""What senders are advised to do."""

from __future__ import annotations

from typing import get_args

from operators.errors import MediaCause
from schemas.errors import EventCause
from streams.dead_letters.refusal_advice import advice_for


def test_every_cause_has_advice_of_its_own() -> None:
    """All causes that the code names for events and media, and those of our own faults."""
    causes = {*get_args(MediaCause), *get_args(EventCause), "crash-loop", "internal-error", "signal-too-large"}
    assert {cause for cause in causes if advice_for(cause) == advice_for("never-heard-of")} == set()


def test_an_unknown_cause_points_to_the_dead_letter() -> None:
    """A cause of a newer release is no error."""
    assert "dead-letters list --video" in advice_for("never-heard-of")

"""Deletions that race with what they delete."""

from __future__ import annotations

from tests.chaos.faults.attack import Attack

_NUM_VIDEOS = 8


def race_deletions(attack: Attack) -> None:
    """Eight videos are deleted while their signals are under way; some get a new life at once."""
    attack.tell(videos=_NUM_VIDEOS)
    attack.traffic.race_deletions(attack.chance, _NUM_VIDEOS)

"""What a rebuild leaves out."""

from __future__ import annotations

import pytest

from streams.decision.cost import Prices
from streams.decision.fold import fold
from streams.decision.outcome import FoldContext
from streams.decision.policy_file import load_policy
from streams.recovery.rebuild import kept_videos
from streams.recovery.refold import Rebuilt
from tests.fakes import ManualClock
from tests.sample_facts import VIDEO_ID, accepted, signal


def decided() -> Rebuilt:
    """A video whose last outcome is of the manual clock's first moment."""
    now_unix_seconds = ManualClock().now_unix_seconds()
    context = FoldContext(load_policy(None), Prices(1.0, 1.0, 1.0, 1.0), 0, now_unix_seconds)
    begun = fold(None, accepted(expected=("frames",)), 0, context)
    folded = fold(begun.state, signal("frames"), 1, context)
    assert folded.state is not None
    return Rebuilt(folded.state, folded.outcome, is_published=True)


class TestKeptVideos:
    """What a rebuild leaves out."""

    @pytest.mark.parametrize(("kept_seconds", "is_kept"), [(0, True), (100, True), (99, False)])
    def test_a_video_whose_time_is_up(self, kept_seconds: int, is_kept: bool) -> None:
        """The time counts from its last outcome; without a setting it never ends."""
        video, clock = decided(), ManualClock()
        clock.advance(99.5)
        assert (VIDEO_ID in kept_videos({VIDEO_ID: video}, kept_seconds, clock)) is is_kept

    def test_a_video_without_an_outcome(self) -> None:
        """Signals that wait for their `accepted`, and deletions, have no end of this kind."""
        video, clock = Rebuilt(decided().state, None, is_published=False), ManualClock()
        clock.advance(1e9)
        assert VIDEO_ID in kept_videos({VIDEO_ID: video}, 1, clock)

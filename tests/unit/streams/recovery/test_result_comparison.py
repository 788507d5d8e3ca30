"""Projections: what is compared, what is left out, and what readers of compacted topics keep."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from schemas.codec import encode
from schemas.outcomes import Outcome, Verdict
from streams.decision.cost import Prices
from streams.decision.fold import fold
from streams.decision.outcome import FoldContext
from streams.decision.policy_file import load_policy
from streams.recovery.result_comparison import Tolerances, compare, join_topics, newest_by_key
from tests.sample_facts import VIDEO_ID, accepted, embedding, feature, signal
from tests.support.projections import project_outcome

NUDITY = "sexual/explicit/nudity"


def outcome(offset: int = 1, now_unix_seconds: float = 5.0, **fields: Any) -> Outcome:
    context = FoldContext(load_policy(None), Prices(1.0, 1.0, 1.0, 1.0), 0, now_unix_seconds)
    state = fold(None, accepted(expected=("frames",)), 0, context).state
    folded = fold(state, signal("frames", **{"scores": {NUDITY: 0.7}, **fields}), offset, context)
    assert folded.outcome is not None
    return folded.outcome


def differences(first: Outcome, second: Outcome, tolerances: Tolerances | None = None) -> list[str]:
    return compare({VIDEO_ID: project_outcome(first)}, {VIDEO_ID: project_outcome(second)}, tolerances)


class TestCompare:
    """What counts as a difference."""

    def test_times_costs_and_versions_do_not(self) -> None:
        """Two runs never share them."""
        assert differences(outcome(), outcome(offset=9, now_unix_seconds=99.0, receipt=signal().receipt)) == []

    def test_numbers_within_their_tolerance_do_not(self) -> None:
        """Reduced precision changes low bits."""
        assert differences(outcome(), outcome(scores={NUDITY: 0.70005})) == []
        assert differences(outcome(), outcome(embeddings={"frames-space/3": embedding([1, 1, 0.5005])})) == []

    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            ({"scores": {NUDITY: 0.71}}, f"video-1: scores['{NUDITY} by model@1'] is 0.71, expected 0.7"),
            ({"scores": {NUDITY: 0.99}}, "video-1: action is 'block', expected 'limit'"),
            ({"features": {"frames.marker": feature([1, 2])}}, "features['frames.marker'][1] is 2, expected 1"),
            ({"features": {"frames.marker": feature([1])}}, "features['frames.marker'] is [1], expected [1, 1]"),
            ({"features": {}}, "features['frames.marker'] is None, expected [1, 1]"),
            ({"embeddings": {"frames-space/3": embedding([1, 1, 0.6])}}, "embeddings['frames-space/3'][2] is"),
            ({"is_present": False}, "video-1: absent is ('frames',), expected ()"),
        ],
    )
    def test_results_do(self, fields: dict[str, Any], expected: str) -> None:
        """Each difference is one line with place, value found and value expected."""
        assert any(expected in line for line in differences(outcome(), outcome(**fields)))

    def test_a_video_that_only_one_side_knows(self) -> None:
        """It is named with the side."""
        projection = project_outcome(outcome())
        assert compare({"a": projection}, {"b": projection}) == ["a: only in the first", "b: only in the second"]


class TestTopics:
    """Reading compacted topics."""

    def test_the_highest_version_counts_and_not_the_last(self) -> None:
        """A dying worker may have left an older record last."""
        old, new = outcome(offset=1).verdict, outcome(offset=2).verdict
        entries = [(b"video-1", encode(verdict)) for verdict in (old, new, old)]
        assert newest_by_key(entries, Verdict) == {"video-1": new}

    def test_a_tombstone_removes(self) -> None:
        """What comes after it counts again."""
        verdict = outcome().verdict
        value = encode(verdict)
        entries = [(b"a", value), (b"b", value), (b"a", None), (b"b", None), (b"b", value)]
        assert newest_by_key(entries, Verdict) == {"b": verdict}

    def test_videos_of_one_topic_alone_are_left_out(self) -> None:
        """Both statements belong together."""
        found = outcome()
        assert join_topics({"a": found.verdict, "b": found.verdict}, {"a": found.record}) == {
            "a": project_outcome(replace(found, verdict=found.verdict))
        }

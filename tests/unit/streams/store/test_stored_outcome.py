"""An outcome that shares features and embeddings with its state comes back as it was, whatever is folded after it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import encode
from schemas.engagement import ENGAGEMENT_KINDS
from schemas.facts import Deleted, EngagementSummary, Fact, Review
from schemas.outcomes import Outcome, Version
from streams.decision.cost import Prices
from streams.decision.fold import fold
from streams.decision.outcome import FoldContext
from streams.decision.policy_file import load_policy
from streams.decision.state import VideoState
from streams.store.compression import pack, unpack
from streams.store.stored_outcome import from_stored, to_stored
from tests.sample_facts import VIDEO_ID, accepted, deadline, failed_signal, signal

CONTEXT = FoldContext(load_policy(None), Prices(1.0, 1.0, 1.0, 1.0), 0, 1_700_000_010.0)
EXPECTED = ("frames", "audio")
SIGNALS = (signal("frames"), signal("audio"))


def folded(*facts: Fact) -> tuple[VideoState, Outcome]:
    """State and last outcome."""
    state, outcome = None, None
    for offset, fact in enumerate(facts):
        after = fold(state, fact, offset, CONTEXT)
        state, outcome = after.state, after.outcome or outcome
    assert state is not None
    assert outcome is not None
    return state, outcome


def summary(seconds: int) -> EngagementSummary:
    return EngagementSummary(
        video_id=VIDEO_ID, event_unix_seconds=float(seconds), counts=dict.fromkeys(ENGAGEMENT_KINDS, seconds),
        watch_seconds=1.0, windows={}, rates={},
    )  # fmt: skip


FACTS = st.one_of(
    st.builds(lambda revision: accepted(revision, expected=EXPECTED), st.integers(1, 3)),
    st.builds(
        lambda modality, revision, generation: signal(modality, revision, generation=generation),
        st.sampled_from(EXPECTED), st.integers(1, 3), st.integers(1, 2),
    ),
    st.builds(failed_signal, st.sampled_from(EXPECTED), st.integers(1, 3)),
    st.builds(deadline, st.integers(1, 3)),
    st.builds(summary, st.integers(0, 2)),
    st.builds(
        lambda seconds: Review(
            video_id=VIDEO_ID, revision=1, action="block", reviewer="r", reason="", event_unix_seconds=float(seconds)
        ),
        st.integers(0, 2),
    ),
    st.builds(lambda revision: Deleted(video_id=VIDEO_ID, revision=revision, reason="", event_unix_seconds=0.0),
              st.integers(1, 3)),
)  # fmt: skip


class TestComesBack:
    @given(st.lists(FACTS, max_size=12))
    def test_after_every_fact(self, facts: list[Fact]) -> None:
        """Facts that say nothing new change the state alone; the outcome stored before is read with the newer state."""
        state, stored, outcome = None, None, None
        for offset, fact in enumerate(facts):
            after = fold(state, fact, offset, CONTEXT)
            state = after.state
            if state is None or state.is_forgotten:  # the script that forgets removes the outcome, too
                stored = outcome = None
            elif after.outcome is not None:
                stored, outcome = to_stored(after.outcome, state), after.outcome
            if stored is not None:
                assert from_stored(stored, state) == outcome

    def test_where_the_facts_are_gone(self) -> None:
        """A rebuild keeps the outcome and seals the state, which then has no signals."""
        _, outcome = folded(accepted(expected=EXPECTED), *SIGNALS)
        sealed = VideoState(
            log_generation=0, applied_offset=2, version=Version(revision=1, generation=0, offset=2), sealed_revision=1
        )
        assert from_stored(to_stored(outcome, sealed), sealed) == outcome

    def test_as_it_was_stored_before(self) -> None:
        """Whole outcomes of older workers are read."""
        state, outcome = folded(accepted(expected=EXPECTED), *SIGNALS)
        assert from_stored(pack(encode(outcome)), state) == outcome


class TestIsStoredOnce:
    def test_features_and_embeddings(self) -> None:
        """They lie in the state alone."""
        state, outcome = folded(accepted(expected=EXPECTED), *SIGNALS)
        values = [embedding.values for embedding in outcome.record.embeddings.values()]
        assert values
        assert all(value.encode() not in unpack(to_stored(outcome, state)) for value in values)
        assert all(value.encode() in encode(state) for value in values)

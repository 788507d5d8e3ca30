"""Comparing what Redis has applied with what Kafka has committed."""

from __future__ import annotations

import pytest

from streams.store.applied import StoreBehindLog, resume_offset

PARTITION = ("video.signals", 3)


class TestResumeOffset:
    @pytest.mark.parametrize("committed", [None, 0])
    def test_a_fresh_group_begins_as_kafka_says(self, committed: int | None) -> None:
        """Where nothing was committed nothing can be missing."""
        assert resume_offset(PARTITION, committed=committed, applied=None, earliest=0) is None

    @pytest.mark.parametrize("applied", [10, 12])
    def test_a_store_that_keeps_up_changes_nothing(self, applied: int) -> None:
        """Redis at or ahead of Kafka: facts that come twice are ignored by the fold."""
        assert resume_offset(PARTITION, committed=10, applied=applied, earliest=0) is None

    def test_a_store_that_is_behind_is_caught_up(self) -> None:
        """A restored Redis is brought up to date from the log."""
        assert resume_offset(PARTITION, committed=10, applied=4, earliest=4) == 4

    def test_refuses_where_the_log_is_too_short(self) -> None:
        """Facts that neither the store nor the log has cannot be folded; the message names the remedy."""
        with pytest.raises(StoreBehindLog, match=r"partition 3 of video\.signals.*begins at 5.*vidsignal rebuild"):
            resume_offset(PARTITION, committed=10, applied=4, earliest=5)

    def test_refuses_an_empty_store(self) -> None:
        """A store that knows nothing of a partition with commits was lost, or is another one."""
        with pytest.raises(StoreBehindLog, match=r"committed offset 10.*vidsignal rebuild"):
            resume_offset(PARTITION, committed=10, applied=None, earliest=0)

"""The flood of `bench load`: one creator's, faster than anybody reads, and the delay that it is said to cause."""

from __future__ import annotations

from math import inf

import pytest

from ops.bench.load.flood import FLOOD_HZ, delay_bound_seconds, flood_of, longest_delay_seconds
from ops.bench.load.mix import Arrival
from ops.bench.load.open_loop import due_uploads
from ops.bench.load.step import ServedStep
from schemas.uploads import FileSource, VideoUploaded

CLIPS = [VideoUploaded(video_id=name, source=FileSource(path=f"/{name}.mp4")) for name in ("a", "b", "c")]


class TestSchedules:
    def test_a_flood_is_one_creators(self) -> None:
        """Each upload is a video of its own; nobody waits for them."""
        flood = flood_of(500, CLIPS)
        assert {due.upload.creator_id for due in flood} == {"the-flood"}
        assert len({due.upload.video_id for due in flood}) == 500
        assert not any(due.is_awaited for due in flood)
        assert flood[-1].at_seconds - flood[0].at_seconds == pytest.approx(499 / FLOOD_HZ)

    def test_others_are_who_the_schedule_says(self) -> None:
        """The clip's content, as a video of the step and its creator."""
        dues = due_uploads("x", [Arrival(0.5, 7, 1), Arrival(0.75, 7, 1)], CLIPS)
        assert [due.upload.video_id for due in dues] == ["x-0-b", "x-1-b"]
        assert {(due.upload.creator_id, due.upload.source) for due in dues} == {("x-creator-7", CLIPS[1].source)}
        assert [due.at_seconds for due in dues] == [0.5, 0.75]
        assert all(due.is_awaited for due in dues)


class TestDelayBound:
    def test_two_shares_and_the_reading(self) -> None:
        """10,000 uploads may delay others as the analysis of 260 videos would, instead of 10,000."""
        assert delay_bound_seconds(10_000, 2.0, per_minute=30) == pytest.approx(130.0)
        assert delay_bound_seconds(0, 2.0, per_minute=30) == pytest.approx(30.0)


class TestLongestDelay:
    def test_each_upload_is_compared_with_itself(self) -> None:
        """A slow clip is slow without a flood as well."""
        calm = ServedStep(10.0, {"c-0": 0.0, "c-1": 1.0}, {"c-0": 5.0, "c-1": 1.5})
        flooded = ServedStep(10.0, {"b-0": 0.0, "b-1": 1.0}, {"b-0": 6.0, "b-1": 4.5})
        assert longest_delay_seconds(calm, flooded) == 3.0

    def test_an_upload_without_a_verdict(self) -> None:
        """It was delayed without a bound."""
        calm = ServedStep(10.0, {"c-0": 0.0}, {"c-0": 5.0})
        assert longest_delay_seconds(calm, ServedStep(10.0, {"b-0": 0.0}, {})) == inf

"""Times of what two videos share, from pairs of matching pictures."""

from __future__ import annotations

import pytest

from streams.similarity.alignment import matched_times

NUM_PICTURES = 12


def pairs(speed: float, offset_seconds: float) -> list[tuple[float, float]]:
    """Each picture of the first video, at its nearest sampled moment of the second."""
    return [(at + 0.5, round((at + 0.5) / speed + offset_seconds) + 0.5) for at in range(NUM_PICTURES)]


class TestMatchedTimes:
    @pytest.mark.parametrize("speed", [0.8, 1.0, 1.25, 1.5, 2.0])
    def test_speed_and_stretch(self, speed: float) -> None:
        """Within a tenth, and within a second."""
        found = matched_times(pairs(speed, 7.0))

        assert found is not None
        assert found.speed == pytest.approx(speed, rel=0.12)
        assert (found.first_start_seconds, found.first_end_seconds) == (0.5, 11.5)
        assert found.second_start_seconds == pytest.approx(7.0 + 0.5 / speed, abs=1.0)
        assert found.second_end_seconds == pytest.approx(7.0 + 11.5 / speed, abs=1.0)
        assert found.num_pictures == NUM_PICTURES

    def test_accidental_matches(self) -> None:
        """The offset on which most agree wins; the rest says nothing of where."""
        found = matched_times([*pairs(1.0, 3.0), (2.5, 90.5), (8.5, 40.5)])

        assert found is not None
        assert found.second_end_seconds < 20.0
        assert found.speed == 1.0

    def test_picture_that_stands(self) -> None:
        """Every moment matches every other: the usual speed, from begin to end."""
        found = matched_times([(float(one), float(other)) for one in range(5) for other in range(5)])

        assert found is not None
        assert (found.speed, found.first_start_seconds, found.first_end_seconds) == (1.0, 0.0, 4.0)

    def test_one_match(self) -> None:
        """Has a place, and the usual speed."""
        found = matched_times([(3.5, 8.5)])

        assert found is not None
        assert (found.first_start_seconds, found.second_end_seconds, found.speed) == (3.5, 8.5, 1.0)

    def test_no_match(self) -> None:
        """Has no place."""
        assert matched_times([]) is None

"""Which frames are shown: one of each shot, spread over the video, and never more than permitted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.captions.shot_pictures import shown_places

SECONDS = [float(number) for number in range(12)]
TIMES = st.lists(st.floats(0, 1000), max_size=60, unique=True).map(sorted)


class TestShots:
    def test_one_of_each(self) -> None:
        """From the middle of each of four shots, not from their edges."""
        assert shown_places(SECONDS, [2.5, 5.5, 8.5], 4) == (1, 4, 7, 10)

    def test_more_shots_than_pictures(self) -> None:
        """The first, the last, and some between."""
        cuts = [second + 0.5 for second in SECONDS[:-1]]
        assert shown_places(SECONDS, cuts, 3) == (0, 6, 11)
        assert shown_places(SECONDS, cuts, 1) == (0,)

    def test_fewer_shots_than_pictures(self) -> None:
        """The long shot is shown again and again, the short one once."""
        assert shown_places(SECONDS, [1.5], 4) == (1, 3, 7, 10)

    def test_no_cuts_are_known(self) -> None:
        """The video counts as one shot."""
        assert shown_places(SECONDS, [], 3) == (2, 6, 10)

    @pytest.mark.parametrize("limit", [1, 4, 16])
    def test_no_frame(self, limit: int) -> None:
        """Nothing is shown of nothing."""
        assert shown_places([], [1.0], limit) == ()

    @given(TIMES, TIMES, st.integers(1, 16))
    def test_any_video(self, pts: list[float], cuts: list[float], limit: int) -> None:
        """As many frames as there are and as permitted, in order, each once, and of as many shots as that permits."""
        places = shown_places(pts, cuts, limit)
        assert len(places) == min(limit, len(pts)) or len(places) == min(
            limit, len(shots_of(range(len(pts)), pts, cuts))
        )
        assert list(places) == sorted(set(places))
        num_shots = len(shots_of(range(len(pts)), pts, cuts))
        assert len(shots_of(places, pts, cuts)) == min(num_shots, limit)


def shots_of(places: tuple[int, ...] | range, pts: list[float], cuts: list[float]) -> set[int]:
    return {sum(cut <= pts[place] for cut in cuts) for place in places}

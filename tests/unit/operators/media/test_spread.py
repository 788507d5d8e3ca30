"""Where to look: exact places for pictures that lie evenly, that lie together, and for slides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.media.spread import EVEN_RATIO, is_even, spread

CROWDED = [float(number) for number in range(10)]
"""Ten pictures in the first ten of a thousand seconds."""


class TestEachPicture:
    """No more pictures than times."""

    @pytest.mark.parametrize(
        ("content", "times"),
        [
            ((10.0, 20.0, 25.0), [15.0, 22.5, 32.5]),
            ((10.0, 50.0), [30.0, 50.0]),
            ((10.0, 20.0, 50.0), [15.0, 35.0, 50.0]),
            ((10.0, 15.0, 20.0, 25.0, 30.0), [12.5, 17.5, 22.5, 27.5, 35.0]),
        ],
        ids=["to the end", "beyond the announced end", "three beyond it", "as many as times"],
    )
    def test_in_the_middle_of_its_time(self, content: tuple[float, ...], times: list[float]) -> None:
        """From when it is shown until the next one is, or the video ends."""
        assert spread(5, 10.0, 30.0, content) == times


class TestEven:
    @pytest.mark.parametrize("content", [(), (7.0,)])
    def test_what_is_not_known_is_even(self, content: tuple[float, ...]) -> None:
        """In the middle of equal parts."""
        assert spread(4, 10.0, 40.0, content) == [15.0, 25.0, 35.0, 45.0]

    @pytest.mark.parametrize(
        ("content", "last"),
        [((0.0, 33.0, 90.0), [90.0]), ((0.0, 65.0, 90.0), [90.0]), ((0.0, 65.1, 90.0), []), ((0.0, 30.0, 75.0), [])],
        ids=["far behind", "half a part behind", "nearer", "met by a time"],
    )
    def test_a_last_slide_is_looked_at(self, content: tuple[float, ...], last: list[float]) -> None:
        """Where it is far behind the one before, and too brief for any time to meet it."""
        assert spread(2, 0.0, 100.0, content) == [25.0, 75.0, *last]

    def test_one_of_two_pictures_is_a_last_slide(self) -> None:
        """Where there is time for one of them."""
        assert spread(1, 0.0, 100.0, (0.0, 90.0)) == [50.0, 90.0]

    def test_just_as_far_as_allowed_is_even(self) -> None:
        """The limit itself counts."""
        assert is_even((35.0, 36.0, 50.0, 75.0), 0.0, 100.0)

    @pytest.mark.parametrize(
        ("content", "is_so"),
        [((10.0 + 34.9, 46.0, 60.0, 85.0), True), ((10.0 + 35.1, 46.0, 60.0, 85.0), False)],
        ids=["within", "beyond"],
    )
    def test_as_far_as_a_tenth_and_one_part(self, content: tuple[float, ...], is_so: bool) -> None:
        """Of the duration, from an even distribution that begins with the video."""
        assert EVEN_RATIO + 1 / len(content) == pytest.approx(0.35)
        assert is_even(content, 10.0, 100.0) is is_so

    @pytest.mark.parametrize(
        ("content", "seconds"), [((), 10.0), ((99.0,), 10.0), ((3.0, 99.0), 0.0), ((3.0, 9.0), -1.0)]
    )
    def test_without_pictures_or_time(self, content: tuple[float, ...], seconds: float) -> None:
        """Nothing says that it is not."""
        assert is_even(content, 0.0, seconds)

    def test_two_pictures_can_be_uneven(self) -> None:
        """One at the start and one near the end are not evenly spread over the time."""
        assert not is_even((0.0, 20.0), 0.0, 20.0 / 1.15)
        assert is_even((0.0, 20.0), 0.0, 20.0 / 1.05)
        assert not is_even((0.0, 10.0), 0.0, 0.5)


class TestUneven:
    def test_a_third_by_time_and_the_rest_by_pictures(self) -> None:
        """Among the pictures the first and the last, the others at even distances."""
        times = [0.0, 2.0, 4.0, 5.0, 7.0, 9.0, 1000 / 6, 500.0, 5000 / 6]
        assert spread(9, 0.0, 1000.0, CROWDED) == pytest.approx(times)

    def test_one_time_is_the_first_picture(self) -> None:
        """There is no room for another."""
        assert spread(1, 0.0, 1000.0, CROWDED) == [0.0]

    def test_two_times_are_the_first_and_the_last_picture(self) -> None:
        """And not one twice."""
        assert spread(2, 0.0, 1000.0, CROWDED) == [0.0, 9.0]

    @given(st.integers(1, 60), st.lists(st.integers(0, 1000), min_size=2, max_size=80, unique=True).map(sorted))
    def test_ascending_and_no_more_than_asked(self, num_times: int, content: list[int]) -> None:
        """Whatever the pictures, with one more for a last slide at most, and each time once."""
        times = spread(num_times, 0.0, 1000.0, content)
        assert times == sorted(set(times))
        assert 0 < len(times) <= num_times + 1
        assert 0.0 <= times[0] and times[-1] <= 1000.0

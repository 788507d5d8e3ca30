"""Which frames are kept."""

from __future__ import annotations

from operators.media.frame_picker import FramePicker, MotionPicker


class TestFramePicker:
    """`FramePicker`."""

    def test_picks_the_frame_on_screen(self) -> None:
        """Of frames at 0, 1 and 2 s the one at 1 s is shown at 1.5 s."""
        picker = FramePicker((1.5,))
        assert [picker.is_wanted_before(until) for until in (1.0, 2.0, 3.0)] == [False, True, False]

    def test_one_frame_serves_several_times(self) -> None:
        """A frame that stands over two wanted times is picked once."""
        picker = FramePicker((0.5, 0.9, 1.5))
        assert [picker.is_wanted_before(until) for until in (1.0, 2.0)] == [True, True]


class TestMotionPicker:
    """`MotionPicker`."""

    def test_keeps_nearly_all_of_a_slightly_faster_source(self) -> None:
        """12.5 frames a second at a limit of 12 lose one frame in 25, not every other."""
        picker = MotionPicker(12.0, 1000)
        assert 95 <= sum(picker.is_wanted(number * 0.08) for number in range(100)) <= 97

    def test_keeps_the_rate(self) -> None:
        """60 frames a second are thinned to 12."""
        picker = MotionPicker(12.0, 1000)
        assert 119 <= sum(picker.is_wanted(number / 60) for number in range(600)) <= 121

    def test_keeps_to_its_room(self) -> None:
        """No more than the memory holds."""
        picker = MotionPicker(12.0, 3)
        assert sum(picker.is_wanted(float(number)) for number in range(10)) == 3

"""Which pictures are read, what of a picture is text, and what is said of text that nobody can read."""

from __future__ import annotations

import numpy as np
import pytest

from operators.frames.text_lines import TextBox, boxes_in, in_reading_order
from operators.frames.text_reading import TextReading, read_pictures
from operators.media.tracks import TextPicture
from tests.support.painted_lines import PaintedReaders


def read(readers: PaintedReaders, *pictures: np.ndarray) -> TextReading:
    """The pictures as a decode gives them, one a second."""
    found = [TextPicture(float(number), pixels, (float(number),)) for number, pixels in enumerate(pictures)]
    return read_pictures(readers, found)  # type: ignore[arg-type]


def texts(reading: TextReading) -> list[str]:
    return [found.text for found in reading.pictures]


class TestWhatIsRead:
    def test_lines_from_the_top_down(self) -> None:
        """All lines of a picture, each with its box in shares of the picture."""
        readers = PaintedReaders()
        reading = read(readers, readers.picture(("hello there", 0.9), ("my friend", 0.95)))

        assert texts(reading) == ["hello there\nmy friend"]
        first, second = reading.pictures[0].lines
        assert first.box.top < first.box.bottom < second.box.top
        assert first.box.left == pytest.approx(20 / 640, abs=0.03)
        assert first.box.right == pytest.approx(400 / 640, abs=0.03)

    @pytest.mark.parametrize(
        ("text", "score"), [("a", 0.99), ("hello there", 0.59), ("ab3", 0.79), ("", 0.0), ("-- ..", 0.9)]
    )
    def test_no_text(self, text: str, score: float) -> None:
        """One character, a low score, a short line with a middling score, no letter: nothing is read."""
        readers = PaintedReaders()
        assert texts(read(readers, readers.picture((text, score)))) in ([], [""])

    @pytest.mark.parametrize(
        ("text", "score", "map_score", "is_read"),
        [
            ("a whole sentence over the width", 0.7, 0.9, True),
            ("a whole sentence over the width", 0.7, 0.7, False),
            ("a whole sentence over the width", 0.95, 0.7, True),
            ("XKXX", 0.85, 0.9, False),
            ("k i l l", 0.95, 0.9, True),
        ],
    )
    def test_a_doubtful_line(self, text: str, score: float, map_score: float, is_read: bool) -> None:
        """Few characters for the width, as of girders, or a detector that is not sure: a high score is needed."""
        readers = PaintedReaders(map_score=map_score)
        reading = read(readers, readers.picture((text, score)))
        assert (text in texts(reading)) == is_read

    def test_a_texture_is_not_read(self) -> None:
        """What the smaller size shows weakly in one of several pictures is not looked at again, unless it is wide."""
        readers = PaintedReaders(map_score=0.58)
        wide, narrow = readers.picture(("hello there", 0.99)), readers.picture(("hello there", 0.99))
        narrow[:, 100:] = 0
        assert texts(read(readers, narrow, wide)) == ["hello there"]
        assert readers.looked_at[:2] == [(192, 320, 3), (192, 320, 3)]
        assert len(readers.looked_at) == 3

    def test_a_surface_is_no_line(self) -> None:
        """What is higher than a third of the picture is a thing, not writing."""
        readers = PaintedReaders()
        pixels = readers.picture(("an eye of a cat", 0.99))
        pixels[60:260, 20:620] = pixels.max()
        assert read(readers, pixels).pictures == []

    @pytest.mark.parametrize(("text", "score"), [("  ", 0.9), ("", 0.0), ("3 3", 0.55), ("BINHET", 0.42)])
    def test_an_unknown_script(self, text: str, score: float) -> None:
        """A wide line of which next to nothing can be read is there, and is no text."""
        readers = PaintedReaders()
        (found,) = read(readers, readers.picture((text, score))).pictures
        assert (found.lines, len(found.unread)) == ((), 1)

    def test_things_in_a_row_are_no_unknown_script(self) -> None:
        """Coins next to each other are as wide as a line, and higher than one."""
        readers = PaintedReaders()
        pixels = readers.picture(("", 0.0))
        pixels[60:140, 20:620] = pixels.max()
        assert read(readers, pixels).pictures == []

    def test_a_doubtful_line_is_no_unknown_script(self) -> None:
        """The detector has to be sure of it."""
        readers = PaintedReaders(map_score=0.6)
        assert read(readers, readers.picture(("", 0.0))).pictures == []


class TestWhichPictures:
    def test_one_is_read_at_once(self) -> None:
        """A single picture is not searched at a smaller size first."""
        readers = PaintedReaders()
        read(readers, readers.picture(("hello there", 0.9)))
        assert readers.looked_at == [(352, 640, 3)]

    def test_several_are_searched_first(self) -> None:
        """Pictures without a line cost a quarter."""
        readers = PaintedReaders()
        reading = read(readers, readers.picture(), readers.picture(("hello there", 0.9)), readers.picture())

        assert readers.looked_at[:2] == [(192, 320, 3), (192, 320, 3)]
        assert readers.looked_at[3:] == [(192, 320, 3)]
        assert [found.pts_seconds for found in reading.pictures] == [1.0]
        assert (reading.num_searched, reading.num_lines) == (4, 1)

    def test_text_that_stands_is_read_twice_at_most(self) -> None:
        """When two pictures read alike, a further one is read only if it has a line at another place."""
        readers = PaintedReaders()
        pictures = [readers.picture((text, 0.9)) for text in ("hello there", "hello there!", "another line")]
        assert texts(read(readers, *pictures)) == ["hello there", "hello there!"]

    def test_what_flashes_next_to_text_that_stays(self) -> None:
        """It is read, however many pictures with the standing text come first."""
        readers = PaintedReaders()
        pictures = [readers.picture((text, 0.9)) for text in ("hello there", "hello there", "hello there")]
        pictures.append(readers.picture(("hello there", 0.9), ("nobody will see this", 0.9)))
        assert texts(read(readers, *pictures))[-1] == "hello there\nnobody will see this"

    def test_only_the_part_with_text_is_read(self) -> None:
        """Of several pictures the detector looks at the place of a line again, and its boxes are those of the
        picture."""
        readers = PaintedReaders()
        reading = read(readers, readers.picture(), readers.picture(("a", 0.1), ("b", 0.1), ("hello there", 0.9)))
        whole = read(readers, readers.picture(("a", 0.1), ("b", 0.1), ("hello there", 0.9)))

        assert readers.looked_at[2][0] < 352
        ((line,),) = (found.lines for found in reading.pictures)
        ((other,),) = (found.lines for found in whole.pictures)
        for side in ("left", "top", "right", "bottom"):
            assert getattr(line.box, side) == pytest.approx(getattr(other.box, side), abs=0.02)

    def test_order_of_time(self) -> None:
        """Pictures come with the most text first, and are stated in the order of time."""
        readers = PaintedReaders()
        later, earlier = readers.picture(("the second one", 0.9)), readers.picture(("the first one", 0.9))
        found = [TextPicture(5.0, later, (5.0,)), TextPicture(1.0, earlier, (1.0, 2.0))]
        reading = read_pictures(readers, found)  # type: ignore[arg-type]
        assert texts(reading) == ["the first one", "the second one"]
        assert reading.pictures[0].alike_seconds == (1.0, 2.0)


class TestBoxes:
    def test_a_line_is_grown(self) -> None:
        """The map marks the core of a line; the box holds the letters around it."""
        text_map = np.zeros((64, 128), np.float32)
        text_map[30:36, 20:100] = 0.9
        (box,) = boxes_in(text_map)
        left, top = box.corners[0]
        assert left < 18
        assert top < 28
        assert box.score == pytest.approx(0.9, abs=0.2)

    def test_a_line_that_runs_down(self) -> None:
        """It is turned, so that it is read along its length."""
        text_map = np.zeros((128, 64), np.float32)
        text_map[20:100, 30:36] = 0.9
        (box,) = boxes_in(text_map)
        assert box.width_px > 3 * box.height_px

    def test_reading_order(self) -> None:
        """Row by row, each from left to right."""

        def box(left: float, top: float) -> TextBox:
            corners = [[left, top], [left + 50, top], [left + 50, top + 20], [left, top + 20]]
            return TextBox(np.array(corners, np.float32), 0.9)

        places = [(200, 12), (10, 10), (10, 60), (150, 55)]
        ordered = in_reading_order([box(*place) for place in places])
        assert [tuple(found.corners[0]) for found in ordered] == [(10, 10), (200, 12), (10, 60), (150, 55)]

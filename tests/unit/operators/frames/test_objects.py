"""Boxes of a detector as boxes of the frame, and the parts that are cut out."""

from __future__ import annotations

import numpy as np
import pytest

from models.model_input import CropInput, FrameInput
from models.model_output import BoxOutput
from operators.frames.image_input import frame_input
from operators.frames.objects import FoundObject, class_scores, crop_of, cut_out, detector_rows, found_objects
from schemas.evidence import FrameBox

OUTPUT = BoxOutput(0, ("cat", "dog"), threshold=0.5, max_boxes=3, max_overlap=0.5)
WHOLE = FrameInput(100, "squash", 100)
SHAPE = (256, 512, 3)


def rows(*found: tuple[float, float, float, float, float, int]) -> np.ndarray:
    return np.array(found, np.float32).reshape(-1, 6)


class TestPlaces:
    @pytest.mark.parametrize("shape", [(256, 455), (455, 256), (256, 256), (300, 301)])
    @pytest.mark.parametrize(
        "how",
        [
            FrameInput(96, "pad", 96),
            FrameInput(96, "squash", 96),
            FrameInput(96, "squash", 112),
            FrameInput(96, "shorter-side", 96),
            FrameInput(96, "shorter-side", 128),
        ],
    )
    def test_come_back_to_the_frame(self, shape: tuple[int, int], how: FrameInput) -> None:
        """A bright rectangle, found in the square, is where it was drawn in the frame, however the square was made."""
        height, width = shape
        top, bottom = round(0.45 * height), round(0.6 * height)
        left, right = round(0.42 * width), round(0.58 * width)
        pixels = np.zeros((*shape, 3), np.uint8)
        pixels[top:bottom, left:right] = 255
        square = frame_input(pixels, how)[..., 0] > 127
        down, across = (np.flatnonzero(square.any(axis=axis)) for axis in (1, 0))
        box = np.array([across[0], down[0], across[-1] + 1, down[-1] + 1]) / how.side_px
        (found,) = found_objects(rows((*box, 0.9, 0)), OUTPUT, shape, how)

        expected = (left / width, top / height, right / width, bottom / height)
        got = (found.box.left, found.box.top, found.box.right, found.box.bottom)
        assert got == pytest.approx(expected, abs=0.02)

    def test_beyond_the_frame(self) -> None:
        """A box is cut off at the frame's edge; one in what was added around it is no box."""
        how = FrameInput(100, "pad", 100)
        found = found_objects(rows((0.5, 0.0, 1.5, 0.5, 0.9, 0), (0.1, 0.0, 0.5, 0.2, 0.9, 1)), OUTPUT, SHAPE, how)
        assert found == (FoundObject(FrameBox(left=0.5, top=0.0, right=1.0, bottom=0.5), "cat", pytest.approx(0.9)),)


class TestRows:
    def test_of_points(self) -> None:
        """Boxes and scores of all points become rows with the best class of each, the best first, four a box."""
        output = BoxOutput(0, ("cat", "dog"), threshold=0.5, max_boxes=1, max_overlap=0.5, scores_index=1)
        boxes = np.linspace(0, 1, 24, dtype=np.float32).reshape(6, 4)
        scores = np.array([[0.1, 0.2], [0.9, 0.3], [0.4, 0.6], [0, 0], [0.05, 0], [0, 0.5]], np.float32)
        found = detector_rows((boxes, scores), output)

        assert found[:, 4].tolist() == pytest.approx([0.9, 0.6, 0.5, 0.2])
        assert found[:, 5].tolist() == [0, 1, 1, 1]
        assert found[:, :4] == pytest.approx(boxes[[1, 2, 5, 0]])

    def test_of_an_added_model(self) -> None:
        """Its rows are what they are."""
        own = rows((0.1, 0.1, 0.5, 0.5, 0.8, 0))
        assert detector_rows((own,), OUTPUT) is own


class TestSelection:
    def test_threshold_and_overlap(self) -> None:
        """Of boxes of one class on one thing the best counts; another class, or another place, has its own."""
        found = found_objects(
            rows(
                (0.1, 0.1, 0.5, 0.5, 0.8, 0),
                (0.1, 0.1, 0.5, 0.55, 0.9, 0),
                (0.1, 0.1, 0.5, 0.5, 0.7, 1),
                (0.6, 0.6, 0.9, 0.9, 0.6, 0),
                (0.0, 0.6, 0.3, 0.9, 0.4, 0),
            ),
            OUTPUT,
            SHAPE,
            WHOLE,
        )
        assert [(each.class_name, round(each.score, 2)) for each in found] == [("cat", 0.9), ("dog", 0.7), ("cat", 0.6)]

    def test_most(self) -> None:
        """No more than the card says, and none at all of nothing."""
        many = rows(*((0.1 * at, 0.0, 0.1 * at + 0.05, 0.1, 0.9, 0) for at in range(9)))
        assert len(found_objects(many, OUTPUT, SHAPE, WHOLE)) == 3
        assert found_objects(rows(), OUTPUT, SHAPE, WHOLE) == ()

    def test_scores_of_classes(self) -> None:
        """The best box of each counts, also below the threshold; a class without a box has none."""
        frames = np.stack(
            [rows((0, 0, 1, 1, 0.3, 1), (0, 0, 1, 1, 0.2, 1)), rows((0, 0, 1, 1, 0, 0), (0, 0, 1, 1, 0.9, 0))]
        )
        assert class_scores(frames, 2).tolist() == [[0.0, pytest.approx(0.3)], [pytest.approx(0.9), 0.0]]


class TestParts:
    PIXELS = np.arange(100 * 200 * 3, dtype=np.uint32).astype(np.uint8).reshape(100, 200, 3)

    def test_a_margin_ends_at_the_frame(self) -> None:
        """A quarter of the box at each side."""
        part = crop_of(self.PIXELS, FrameBox(left=0.0, top=0.4, right=0.4, bottom=0.8), 0.25)
        assert np.array_equal(part, self.PIXELS[30:90, 0:100])

    def test_too_small(self) -> None:
        """Three pixels show nothing."""
        assert crop_of(self.PIXELS, FrameBox(left=0.0, top=0.0, right=0.5, bottom=0.03), 0.0) is None

    def test_choice(self) -> None:
        """Of the wanted classes, the best, no more than the card says."""
        box, tiny = FrameBox(left=0, top=0, right=0.5, bottom=0.5), FrameBox(left=0, top=0, right=0.01, bottom=0.01)
        objects = [
            FoundObject(box, "cat", 0.9),
            FoundObject(tiny, "dog", 0.8),
            FoundObject(box, "dog", 0.7),
            FoundObject(box, "dog", 0.6),
        ]
        how = CropInput(WHOLE, "finder", ("dog",), max_crops=1, margin_ratio=0.0)
        assert [found.score for found, _ in cut_out(objects, self.PIXELS, how)] == [0.7]

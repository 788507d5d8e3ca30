"""Which pictures and parts of a video are hashed, and that copies share them."""

from __future__ import annotations

import cv2
import numpy as np

from operators.frames.copy_hashes import MAX_BETWEEN, MAX_PART_FRAMES, CopyHashes, copy_hashes
from operators.frames.picture_parts import BANDS, BETWEEN, CENTRES, INNER, UPRIGHT, part_boxes
from operators.media.tracks import MotionSpan, MotionTrack, SampledFrame
from tests.unit.operators.frames.made_pictures import colour, moving, picture

VIDEO = moving(9, 3, step_px=60)


def sampled(lumas: np.ndarray) -> list[SampledFrame]:
    return [SampledFrame(number + 0.5, colour(luma)) for number, luma in enumerate(lumas)]


def track(lumas: np.ndarray, hz: float = 4.0) -> MotionTrack:
    small = np.stack([cv2.resize(luma, (160, 90), interpolation=cv2.INTER_AREA) for luma in lumas])
    return MotionTrack(np.arange(len(small)) / hz, small, (MotionSpan(0, len(small)),))


def names(found: CopyHashes) -> set[str]:
    return {each.part for each in found.parts}


def bits(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


class TestParts:
    def test_wide_picture(self) -> None:
        """Centres, bands and an upright part; all within the picture."""
        boxes = part_boxes(180, 320)

        assert set(boxes) == {*CENTRES, *BANDS, UPRIGHT}
        assert all(0 <= box.top_px < box.bottom_px <= 180 and 0 <= box.left_px < box.right_px <= 320
                   for box in boxes.values())  # fmt: skip
        assert boxes[UPRIGHT].height_px == 180
        assert abs(boxes[UPRIGHT].width_px - 101) <= 1

    def test_upright_picture(self) -> None:
        """It has no upright part of its own."""
        assert UPRIGHT not in part_boxes(320, 180)


class TestCopyHashes:
    def test_bars_change_nothing(self) -> None:
        """Hashes of pictures with bars of any colour are those without, but for a few bits."""
        bare = copy_hashes(sampled(VIDEO), None)
        for level in (0, 200):
            barred = copy_hashes(sampled(np.pad(VIDEO, ((0, 0), (40, 40), (0, 0)), constant_values=level)), None)
            found = zip(bare.wholes, barred.wholes, strict=True)
            assert max(bits(one.hexadecimal, other.hexadecimal) for one, other in found) <= 8

    def test_inner_picture_has_the_hash_of_the_original(self) -> None:
        """Within what counts as the same picture."""
        behind = moving(31, 3)
        for frame, small in zip(behind, VIDEO, strict=True):
            frame[20:110, 30:190] = cv2.resize(small, (160, 90), interpolation=cv2.INTER_AREA)
        found = copy_hashes(sampled(behind), None)
        inner = [each.found.hexadecimal for each in found.parts if each.part == INNER]

        original = [each.hexadecimal for each in copy_hashes(sampled(VIDEO), None).wholes]
        assert [bits(one, other) <= 31 for one, other in zip(inner, original, strict=True)] == [True] * 3

    def test_parts_of_few_frames(self) -> None:
        """A still picture once, and of many different ones a limited number."""
        still = copy_hashes(sampled(np.stack([picture(1)] * 5)), None)
        many = copy_hashes(sampled(np.stack([picture(seed) for seed in range(12)])), None)

        assert [each.part for each in still.parts].count(UPRIGHT) == 1
        assert [each.part for each in many.parts].count(UPRIGHT) == MAX_PART_FRAMES
        assert (len(still.wholes), len(many.wholes)) == (5, 12)

    def test_pictures_between(self) -> None:
        """Halfway between sampled ones that differ: an excerpt that begins there has the same picture."""
        long = moving(9, 9, step_px=30)  # four pictures a second
        found = copy_hashes(sampled(long[2::4]), track(long))
        (between,) = (each for each in found.parts if each.part == BETWEEN)

        assert between.pts_seconds == 1.0
        whole = copy_hashes(sampled(long[4:5]), None).wholes[0]
        assert bits(between.found.hexadecimal, whole.hexadecimal) <= 31

    def test_nothing_between_pictures_that_stand(self) -> None:
        """Nor where no picture was decoded between two."""
        standing = np.stack([picture(1)] * 9)
        far = MotionTrack(np.array([0.1]), np.zeros((1, 90, 160), np.uint8), (MotionSpan(0, 1),))

        assert BETWEEN not in names(copy_hashes(sampled(standing[::4]), track(standing)))
        assert BETWEEN not in names(copy_hashes(sampled(VIDEO), far))

    def test_limit_between(self) -> None:
        """However many sampled pictures differ."""
        pictures = np.stack([picture(seed) for seed in range(20)])
        found = copy_hashes(sampled(pictures), track(np.repeat(pictures, 4, axis=0)))

        assert [each.part for each in found.parts].count(BETWEEN) == MAX_BETWEEN

    def test_plain_pictures(self) -> None:
        """Black has no content: its hashes say so by their quality."""
        found = copy_hashes(sampled(np.zeros((2, 90, 160), np.uint8)), None)

        assert {each.quality for each in found.wholes} == {0}

"""Which pictures and parts of a video are hashed, and that copies share them."""

from __future__ import annotations

import cv2
import numpy as np

from operators.frames.copy_hashes import MAX_BETWEEN, MAX_COLUMN_FRAMES, MAX_PART_FRAMES, CopyHashes, copy_hashes
from operators.frames.part_names import BANDS, BETWEEN, CENTRES, COLUMN, INNER, MIDDLE_HALF, UPRIGHT
from operators.frames.picture_parts import part_boxes
from operators.media.tracks import MotionSpan, MotionTrack
from tests.unit.operators.frames.made_pictures import moving, picture

VIDEO = moving(9, 3, step_px=60)


def hashed(lumas: np.ndarray, motion: MotionTrack | None = None) -> CopyHashes:
    return copy_hashes([number + 0.5 for number in range(len(lumas))], list(lumas), motion)


def hashed_sizes(*lumas: np.ndarray) -> CopyHashes:
    return copy_hashes([0.5, 1.5], lumas, None)


def track(lumas: np.ndarray, hz: float = 4.0) -> MotionTrack:
    small = np.stack([cv2.resize(luma, (160, 90), interpolation=cv2.INTER_AREA) for luma in lumas])
    return MotionTrack(np.arange(len(small)) / hz, small, (MotionSpan(0, len(small)),))


def names(found: CopyHashes) -> set[str]:
    return {each.part for each in found.parts}


def bits(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


class TestParts:
    def test_wide_picture(self) -> None:
        """Centres, bands, the middle half and an upright part; all within the picture."""
        boxes = part_boxes(180, 320)

        assert set(boxes) == {*CENTRES, *BANDS, MIDDLE_HALF, UPRIGHT}
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
        bare = hashed(VIDEO)
        for level in (0, 200):
            barred = hashed(np.pad(VIDEO, ((0, 0), (40, 40), (0, 0)), constant_values=level))
            found = zip(bare.wholes, barred.wholes, strict=True)
            assert max(bits(one.hexadecimal, other.hexadecimal) for one, other in found) <= 8

    def test_inner_picture_has_the_hash_of_the_original(self) -> None:
        """Within what counts as the same picture."""
        behind = moving(31, 3)
        for frame, small in zip(behind, VIDEO, strict=True):
            frame[20:110, 30:190] = cv2.resize(small, (160, 90), interpolation=cv2.INTER_AREA)
        found = hashed(behind)
        inner = [each.found.hexadecimal for each in found.parts if each.part == INNER]

        original = [each.hexadecimal for each in hashed(VIDEO).wholes]
        assert [bits(one, other) <= 31 for one, other in zip(inner, original, strict=True)] == [True] * 3

    def test_margins_of_the_inner_picture(self) -> None:
        """Are cut as those of a frame are: a letterboxed copy in another video."""
        behind = moving(31, 3)
        for frame, small in zip(behind, VIDEO, strict=True):
            barred = np.pad(small, ((40, 40), (0, 0)), constant_values=8)
            frame[12:168, 30:222] = cv2.resize(barred, (192, 156), interpolation=cv2.INTER_AREA)
        inner = [each.found.hexadecimal for each in hashed(behind).parts if each.part == INNER]

        original = [each.hexadecimal for each in hashed(VIDEO).wholes]
        assert [bits(one, other) <= 31 for one, other in zip(inner, original, strict=True)] == [True] * 3

    def test_columns_of_frames_at_the_same_places(self) -> None:
        """Of a few frames, spread over the video, whether they differ or not: a copy's are at the same times."""
        found = hashed(np.stack([picture(seed % 2) for seed in range(12)]))
        times = {each.pts_seconds for each in found.parts if each.part == COLUMN}

        assert len(times) == MAX_COLUMN_FRAMES
        assert {0.5, 11.5} <= times

    def test_frames_of_another_size(self) -> None:
        """Are compared in the size of the first."""
        first, second = hashed(VIDEO[:2]), hashed_sizes(VIDEO[0], cv2.resize(VIDEO[1], (160, 90)))

        assert bits(first.wholes[1].hexadecimal, second.wholes[1].hexadecimal) <= 31

    def test_parts_of_few_frames(self) -> None:
        """A still picture once, and of many different ones a limited number."""
        still = hashed(np.stack([picture(1)] * 5))
        many = hashed(np.stack([picture(seed) for seed in range(12)]))

        assert [each.part for each in still.parts].count(UPRIGHT) == 1
        assert [each.part for each in many.parts].count(UPRIGHT) == MAX_PART_FRAMES
        assert (len(still.wholes), len(many.wholes)) == (5, 12)

    def test_pictures_between(self) -> None:
        """Halfway between sampled ones that differ: an excerpt that begins there has the same picture."""
        long = moving(9, 9, step_px=30)  # four pictures a second
        found = hashed(long[2::4], track(long))
        (between,) = (each for each in found.parts if each.part == BETWEEN)

        assert between.pts_seconds == 1.0
        whole = hashed(long[4:5]).wholes[0]
        assert bits(between.found.hexadecimal, whole.hexadecimal) <= 31

    def test_nothing_between_pictures_that_stand(self) -> None:
        """Nor where no picture was decoded between two."""
        standing = np.stack([picture(1)] * 9)
        far = MotionTrack(np.array([0.1]), np.zeros((1, 90, 160), np.uint8), (MotionSpan(0, 1),))

        assert BETWEEN not in names(hashed(standing[::4], track(standing)))
        assert BETWEEN not in names(hashed(VIDEO, far))

    def test_limit_between(self) -> None:
        """However many sampled pictures differ."""
        pictures = np.stack([picture(seed) for seed in range(20)])
        found = hashed(pictures, track(np.repeat(pictures, 4, axis=0)))

        assert [each.part for each in found.parts].count(BETWEEN) == MAX_BETWEEN

    def test_plain_pictures(self) -> None:
        """Black has no content: the quality of its hashes shows it."""
        found = hashed(np.zeros((2, 90, 160), np.uint8))

        assert {each.quality for each in found.wholes} == {0}

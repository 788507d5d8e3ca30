"""Copies recognised by hashes and embeddings."""

from __future__ import annotations

import numpy as np
import pytest

from operators.frames.perceptual_hash import USABLE_QUALITY, perceptual_hash
from streams.similarity.near_duplicates import (
    SAME_PICTURE_BITS,
    SAME_VIDEO_COSINE,
    SAME_VIDEO_RATIO,
    frame_similarity,
    matched_ratio,
    mirrored,
    usable_hashes,
)
from tests.sample_facts import feature

RANDOM = np.random.default_rng(7)
FIRST, SECOND, THIRD, FOURTH = (int.from_bytes(RANDOM.bytes(32), "big") for _ in range(4))
FAR = tuple(int.from_bytes(RANDOM.bytes(32), "big") for _ in range(3))


def landscape(seed: int) -> np.ndarray:
    """A picture of large and small shapes: sums of waves that fall off with frequency."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:240, 0:320] / 240.0
    picture = np.zeros((240, 320))
    for _ in range(60):
        across, down = random.uniform(0.3, 9.0, 2)
        waves = np.sin(2 * np.pi * (across * columns + down * rows) + random.uniform(0, 7))
        picture += waves / np.hypot(across, down)
    span = picture.max() - picture.min()
    return np.asarray((picture - picture.min()) / span * 255).astype(np.uint8)


def with_bits_changed(number: int, num_bits: int) -> int:
    return number ^ ((1 << num_bits) - 1)


class TestMatchedRatio:
    def test_same_pictures_within_the_threshold(self) -> None:
        """31 bits are the same picture, 32 are not."""
        assert matched_ratio([FIRST], [with_bits_changed(FIRST, SAME_PICTURE_BITS)]) == 1.0
        assert matched_ratio([FIRST], [with_bits_changed(FIRST, SAME_PICTURE_BITS + 1)]) == 0.0

    def test_a_part_of_a_longer_video(self) -> None:
        """Counts as a copy whichever of both is asked about."""
        assert matched_ratio([FIRST], [FIRST, SECOND, THIRD]) == 1.0
        assert matched_ratio([FIRST, SECOND, THIRD], [FIRST]) == 1.0

    def test_half_of_the_frames(self) -> None:
        """The share is that of frames with a partner."""
        assert matched_ratio([FIRST, SECOND], [FIRST, THIRD]) == 0.5

    def test_without_frames(self) -> None:
        """Two videos without a usable frame are not alike."""
        assert matched_ratio([], []) == matched_ratio([FIRST], []) == 0.0


class TestMirrored:
    @pytest.mark.parametrize("seed", range(8))
    def test_is_close_to_the_hash_of_the_mirrored_picture(self, seed: int) -> None:
        """Closer than the threshold of the same picture, whereas the hash as it is lies far off."""
        picture = landscape(seed)
        here = int(perceptual_hash(picture).hexadecimal, 16)
        there = int(perceptual_hash(np.ascontiguousarray(picture[:, ::-1])).hexadecimal, 16)
        assert (mirrored(here) ^ there).bit_count() <= SAME_PICTURE_BITS
        assert (here ^ there).bit_count() > 3 * SAME_PICTURE_BITS

    def test_twice_is_the_picture_again(self) -> None:
        """Mirroring undoes itself."""
        assert mirrored(mirrored(FIRST)) == FIRST


class TestLikeness:
    def test_a_mirrored_copy(self) -> None:
        """Is found, and said to be mirrored."""
        found = frame_similarity([FIRST, SECOND], [mirrored(FIRST), mirrored(SECOND)], cosine=0.5)
        assert (found.matched_ratio, found.is_mirrored, found.is_near_duplicate) == (1.0, True, True)

    def test_an_embedding_alone(self) -> None:
        """Is enough where no frame matches, from the threshold on."""
        found = frame_similarity([FIRST], [SECOND], cosine=SAME_VIDEO_COSINE)
        assert (found.is_same_by_hash, found.is_near_duplicate) == (False, True)

    def test_strangers(self) -> None:
        """Neither frames nor embedding: no copy."""
        found = frame_similarity([FIRST, SECOND], [THIRD, FOURTH], cosine=SAME_VIDEO_COSINE - 0.01)
        assert (found.matched_ratio, found.is_near_duplicate) == (0.0, False)

    def test_too_few_frames(self) -> None:
        """One frame of four in common is no copy."""
        found = frame_similarity([FIRST, SECOND, THIRD, FOURTH], [FIRST, *FAR], cosine=0.0)
        assert found.matched_ratio < SAME_VIDEO_RATIO
        assert not found.is_near_duplicate


class TestUsableHashes:
    def test_low_quality_and_repeats_are_left_out(self) -> None:
        """Flat pictures match by accident, and a still picture must not outweigh all others."""
        entries = [
            {"pts_seconds": 0.0, "hash": f"{FIRST:064x}", "quality": USABLE_QUALITY},
            {"pts_seconds": 1.0, "hash": f"{FIRST:064x}", "quality": 100},
            {"pts_seconds": 2.0, "hash": f"{SECOND:064x}", "quality": USABLE_QUALITY - 1},
        ]
        assert usable_hashes({"visual.perceptual_hashes": feature(entries)}) == (FIRST,)

    def test_without_the_feature(self) -> None:
        """A sound file has no hashes."""
        assert usable_hashes({}) == ()

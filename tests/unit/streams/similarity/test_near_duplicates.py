"""Copies recognised by hashes of pictures and parts, and by embeddings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from operators.frames.hash_limits import COLUMN_QUALITY, USABLE_QUALITY
from operators.frames.part_names import BANDS, BETWEEN, INNER, UPRIGHT
from operators.frames.perceptual_hash import perceptual_hash
from streams.similarity.near_duplicates import (
    CANDIDATE_COSINE,
    NEAR_PICTURE_BITS,
    NEAR_VIDEO_COSINE,
    SAME_PICTURE_BITS,
    SAME_VIDEO_COSINE,
    SAME_VIDEO_RATIO,
    FrameSimilarity,
    frame_similarity,
    times_of,
)
from streams.similarity.video_hashes import THIRDS, WHOLE, HashedPicture, VideoHashes, mirrored, video_hashes
from tests.sample_facts import feature

RANDOM = np.random.default_rng(7)
FIRST, SECOND, THIRD, FOURTH = (int.from_bytes(RANDOM.bytes(32), "big") for _ in range(4))
FAR_TOO = tuple(int.from_bytes(RANDOM.bytes(32), "big") for _ in range(3))
OTHERS = tuple(int.from_bytes(RANDOM.bytes(32), "big") for _ in range(6))
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


def views(quality: int = 100, **values: tuple[int, ...]) -> VideoHashes:
    """The hashes of a video, one picture a second."""
    return {
        view: tuple(HashedPicture(float(at), (value,), (quality,)) for at, value in enumerate(each))
        for view, each in values.items()
    }


def compared(first: VideoHashes, second: VideoHashes, cosine: float = 0.0) -> FrameSimilarity:
    found, turned = frame_similarity(first, second, cosine), frame_similarity(second, first, cosine)
    assert (found.found_by, found.is_mirrored) == (turned.found_by, turned.is_mirrored)
    return found


def ratio(first: tuple[int, ...], second: tuple[int, ...]) -> float:
    return compared(views(whole=first), views(whole=second)).matched_ratio


class TestMatchedRatio:
    def test_same_pictures_within_the_threshold(self) -> None:
        """31 bits are the same picture, 32 are not."""
        assert ratio((FIRST,), (with_bits_changed(FIRST, SAME_PICTURE_BITS),)) == 1.0
        assert ratio((FIRST,), (with_bits_changed(FIRST, SAME_PICTURE_BITS + 1),)) == 0.0

    def test_a_part_of_a_longer_video(self) -> None:
        """Counts as a copy whichever of both is asked about."""
        assert ratio((FIRST,), (FIRST, SECOND, THIRD)) == 1.0

    def test_half_of_the_frames(self) -> None:
        """The share is that of frames with a partner."""
        assert ratio((FIRST, SECOND), (FIRST, THIRD)) == 0.5

    def test_a_picture_that_stands(self) -> None:
        """Counts once, however long it stands."""
        assert ratio((FIRST, FIRST, FIRST, SECOND), (FIRST, THIRD, FOURTH)) == 0.5

    def test_without_frames(self) -> None:
        """Two videos without a usable frame are not alike."""
        for first, second in (({}, {}), (views(whole=(FIRST,)), {}), (views(49, whole=(FIRST,)),) * 2):
            assert compared(first, second).matched_ratio == 0.0


class TestParts:
    @pytest.mark.parametrize("part", [INNER, UPRIGHT, BETWEEN, "centre-90"])
    def test_part_of_one_is_the_other(self, part: str) -> None:
        """A crop is a part of the original, the original the inner part of a picture in picture."""
        found = compared(views(**{"whole": (SECOND,), part: (FIRST,)}), views(whole=(FIRST, THIRD)))

        assert (found.found_by, found.matched_ratio) == ("hash", 1.0)

    def test_parts_of_both(self) -> None:
        """Something is laid over the rest of the picture."""
        first, second = views(whole=(FIRST,), inner=(THIRD,)), views(whole=(SECOND,), inner=(THIRD,))

        assert compared(first, second).found_by == "hash"

    def test_upright_parts_of_both(self) -> None:
        """Say nothing that the whole pictures do not say."""
        assert (
            compared(views(whole=(FIRST,), upright=(THIRD,)), views(whole=(SECOND,), upright=(THIRD,))).found_by is None
        )

    def test_columns_of_a_narrow_crop(self) -> None:
        """Some of the crop's are among the many of the original; the whole pictures share nothing."""
        first = views(whole=(FIRST,), column=(*FAR, SECOND, THIRD, FOURTH))
        crop = views(whole=(FAR[0],), column=(SECOND, THIRD, FAR_TOO[0], FAR_TOO[1]))

        assert (compared(first, crop).found_by, compared(first, crop).match.num_same) == ("hash", 2)

    def test_one_column_is_not_enough(self) -> None:
        """However often it is seen, and however many of the crop's columns it is."""
        first = views(whole=(FIRST,), column=(*FAR, SECOND))
        crop = views(whole=(THIRD,), column=(SECOND, SECOND ^ 1, SECOND ^ 2))

        assert compared(first, crop, NEAR_VIDEO_COSINE - 0.01).found_by is None
        assert compared(first, crop, NEAR_VIDEO_COSINE).found_by == "hash and embedding"

    def test_columns_of_videos_that_show_little(self) -> None:
        """Are those of their captions."""
        first = {**views(0, whole=(FIRST,)), **views(COLUMN_QUALITY, column=(SECOND, THIRD))}

        assert compared(first, first, SAME_VIDEO_COSINE).found_by is None

    def test_few_of_the_columns(self) -> None:
        """Two of seven are a lamp post and a door."""
        first = views(whole=(FIRST,), column=(*FAR, *FAR_TOO, SECOND, THIRD))
        other = views(whole=(FOURTH,), column=(SECOND, THIRD, *OTHERS[:5]))

        assert compared(first, other).found_by is None

    def test_near_columns(self) -> None:
        """Say nothing, whatever the embedding: those of strangers with the same captions are near."""
        first = views(whole=(FIRST,), column=(SECOND, THIRD))
        near = views(whole=(FOURTH,), column=tuple(with_bits_changed(each, 60) for each in (SECOND, THIRD)))

        assert compared(first, near, CANDIDATE_COSINE).found_by is None

    def test_a_column_is_no_picture(self) -> None:
        """It is compared with columns alone."""
        assert compared(views(whole=(FIRST,), column=(SECOND,)), views(whole=(SECOND,))).found_by is None

    def test_how_much_of_the_other_video_a_part_covers(self) -> None:
        """Says nothing: one picture of four in its parts."""
        first = {**views(whole=FAR), "inner": views(x=(FIRST, SECOND, THIRD, FOURTH))["x"]}

        assert frame_similarity(first, views(whole=(FIRST,)), 0.0).found_by is None

    def test_two_of_three_bands(self) -> None:
        """A logo covers one; a caption that two strangers share covers one as well, which is not enough."""

        def bands(*values: int) -> VideoHashes:
            entries: list[dict[str, Any]] = [
                {"pts_seconds": 1.0, "part": name, "hash": f"{value:064x}", "quality": 99}
                for name, value in zip(BANDS, values, strict=True)
            ]
            return video_hashes({"visual.part_hashes": feature(entries)})

        assert set(bands(FIRST, SECOND, THIRD)) == {THIRDS}
        assert compared(bands(FIRST, SECOND, THIRD), bands(FIRST, FOURTH, THIRD)).found_by == "hash"
        assert compared(bands(FIRST, SECOND, THIRD), bands(FIRST, FOURTH, FAR[0])).found_by is None


class TestMirrored:
    @pytest.mark.parametrize("seed", range(8))
    def test_is_close_to_the_hash_of_the_mirrored_picture(self, seed: int) -> None:
        """Closer than the threshold of the same picture, whereas the hash as it is is far off."""
        picture = landscape(seed)
        here = int(perceptual_hash(picture).hexadecimal, 16)
        there = int(perceptual_hash(np.ascontiguousarray(picture[:, ::-1])).hexadecimal, 16)
        assert (mirrored(here) ^ there).bit_count() <= SAME_PICTURE_BITS
        assert (here ^ there).bit_count() > 3 * SAME_PICTURE_BITS

    def test_twice_is_the_picture_again(self) -> None:
        """Mirroring undoes itself."""
        assert mirrored(mirrored(FIRST)) == FIRST


class TestFoundBy:
    def test_a_mirrored_copy(self) -> None:
        """Is found, and said to be mirrored."""
        found = compared(views(whole=(FIRST, SECOND)), views(whole=(mirrored(FIRST), mirrored(SECOND))), 0.5)
        assert (found.matched_ratio, found.is_mirrored, found.found_by) == (1.0, True, "hash")

    def test_an_embedding_alone_is_a_candidate(self) -> None:
        """Two people before one wall: they look alike, and none is a copy, up to the threshold of copies."""
        first, second = views(whole=(FIRST,)), views(whole=(SECOND,))
        said = [compared(first, second, cosine) for cosine in (0.84, CANDIDATE_COSINE, 0.94, SAME_VIDEO_COSINE)]
        assert [each.found_by for each in said] == [None, None, None, "embedding"]
        assert [each.is_candidate for each in said] == [False, True, True, False]

    def test_near_pictures_with_a_like_embedding(self) -> None:
        """Neither is enough alone."""
        first, second = views(whole=(FIRST,)), views(whole=(with_bits_changed(FIRST, NEAR_PICTURE_BITS),))
        assert compared(first, second, NEAR_VIDEO_COSINE).found_by == "hash and embedding"
        assert compared(first, second, NEAR_VIDEO_COSINE - 0.01).found_by is None
        further = views(whole=(with_bits_changed(FIRST, NEAR_PICTURE_BITS + 1),))
        assert compared(first, further, NEAR_VIDEO_COSINE).found_by is None

    def test_pictures_of_low_quality_with_a_like_embedding(self) -> None:
        """What shows little but captions is near to everything with the same ones, and looks like it: it says
        nothing."""
        for quality, found_by in ((USABLE_QUALITY, "hash"), (USABLE_QUALITY - 1, None)):
            first = views(quality, whole=(FIRST,))
            assert compared(first, first, SAME_VIDEO_COSINE).found_by == found_by

    def test_a_quarter_with_content(self) -> None:
        """Is enough for the embedding to count."""
        pictures = tuple(
            HashedPicture(float(at), (value,), (USABLE_QUALITY if at == 0 else 0,))
            for at, value in enumerate((FIRST, SECOND, THIRD, FOURTH))
        )
        other = views(whole=FAR)
        assert compared({"whole": pictures}, other, SAME_VIDEO_COSINE).found_by == "embedding"
        assert compared({"whole": pictures[1:]}, other, SAME_VIDEO_COSINE).found_by is None

    def test_moving_pictures_at_other_moments(self) -> None:
        """One picture is the same and all others are near: a copy. One alone is none."""
        first = (FIRST, SECOND, THIRD, FOURTH)
        near = (FIRST, *(with_bits_changed(each, 60) for each in first[1:]))
        assert compared(views(whole=first), views(whole=near)).found_by == "hash"
        assert compared(views(whole=first), views(whole=(FIRST, *FAR))).found_by is None

    def test_strangers(self) -> None:
        """Neither frames nor embedding: no copy, and no candidate."""
        found = compared(views(whole=(FIRST, SECOND)), views(whole=(THIRD, FOURTH)), CANDIDATE_COSINE - 0.01)
        assert (found.matched_ratio, found.is_near_duplicate, found.is_candidate) == (0.0, False, False)

    def test_too_few_frames(self) -> None:
        """One frame of four in common is no copy."""
        found = compared(views(whole=(FIRST, SECOND, THIRD, FOURTH)), views(whole=(FIRST, *FAR)))
        assert found.matched_ratio < SAME_VIDEO_RATIO
        assert not found.is_near_duplicate


class TestTimes:
    def test_where_the_same_is(self) -> None:
        """From the first matching picture to the last, in both."""
        first, second = views(whole=(FIRST, SECOND, THIRD)), views(whole=(*FAR, SECOND, THIRD))
        times = times_of(first, second, compared(first, second))
        assert times is not None
        assert (times.first_start_seconds, times.first_end_seconds) == (1.0, 2.0)
        assert (times.second_start_seconds, times.second_end_seconds, times.num_pictures) == (3.0, 4.0, 2)

    def test_by_embedding_alone(self) -> None:
        """Nobody knows where."""
        first, second = views(whole=(FIRST,)), views(whole=(SECOND,))
        assert times_of(first, second, compared(first, second, 0.99)) is None


class TestVideoHashes:
    def test_views(self) -> None:
        """Whole pictures and parts, in their order; a record of an older release has no parts."""
        wholes = feature([{"pts_seconds": 1.5, "hash": f"{FIRST:064x}", "quality": 60}])
        parts = feature([{"pts_seconds": 1.5, "part": "inner", "hash": f"{SECOND:064x}", "quality": 50}])
        found = video_hashes({"visual.perceptual_hashes": wholes, "visual.part_hashes": parts})
        assert found == {
            WHOLE: (HashedPicture(1.5, (FIRST,), (60,)),),
            INNER: (HashedPicture(1.5, (SECOND,), (50,)),),
        }
        assert set(video_hashes({"visual.perceptual_hashes": wholes})) == {WHOLE}

    def test_several_columns_of_a_picture(self) -> None:
        """All at one time."""
        entries = [
            {"pts_seconds": 1.5, "part": "column", "hash": f"{each:064x}", "quality": 50} for each in (FIRST, SECOND)
        ]
        found = video_hashes({"visual.part_hashes": feature(entries)})
        assert [each.values for each in found["column"]] == [(FIRST,), (SECOND,)]

    def test_without_the_features(self) -> None:
        """A sound file has no hashes."""
        assert video_hashes({}) == {}

"""Copies of a video: recognised by perceptual hashes of their pictures, of parts of them, and by their embedding.

Hashes follow the advice of PDQ's authors (Facebook, "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing
Algorithm", 2019): two within 31 of 256 bits are the same picture, and those of low quality are not compared. Mirrored
pictures are found by the mirrored hash, cropped ones by the parts of the original, and those with something around them
by the inner part of the copy.

The embedding alone says that two videos look alike, not that one is a copy: two people before one wall, a red and a
green traffic light. So it needs hashes that are nearer than those of strangers, unless it is nearly the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final, Literal

import numpy as np

from operators.frames.hash_limits import COLUMN_QUALITY, DIFFERENT_BITS, USABLE_QUALITY
from operators.frames.part_names import COLUMN, UPRIGHT
from streams.similarity.alignment import MatchedTimes, matched_times
from streams.similarity.video_hashes import MIRRORING, THIRDS, WHOLE, HashedPicture, VideoHashes, distance

SAME_PICTURE_BITS: Final = 31
SAME_VIDEO_RATIO: Final = 0.5
"""Share of matching pictures from which two videos count as copies."""
PART_OF_VIDEO_RATIO: Final = 0.25
"""Share of matching pictures that is enough if most others are near: of pictures that move, other moments are
sampled."""
COLUMN_RATIO: Final = 0.3
"""Share of matching columns, of the video with the larger share, that is enough: some of a crop's columns are not among
the strongest of its original."""
MIN_SAME_COLUMNS: Final = 2
"""Different columns that must match: each shows a sixth of a wide picture. One is enough if the embeddings are like."""
NEAR_VIDEO_RATIO: Final = 0.75
NEAR_PICTURE_BITS: Final = 72
"""Distance of pictures that may be the same, changed by a caption, a crop or a small turn. Pictures of strangers are
120 bits apart, the nearest of many 80."""
CONTENT_RATIO: Final = 0.25
"""Share of usable pictures from which the embedding of a video counts."""
NEAR_VIDEO_COSINE: Final = 0.75
"""Cosine of embeddings from which near pictures make two videos copies."""
CANDIDATE_COSINE: Final = 0.85
"""Cosine of embeddings from which a video that its hashes do not confirm is a candidate."""
SAME_VIDEO_COSINE: Final = 0.95
"""Cosine of embeddings from which two videos count as copies, whatever the hashes: copies that are turned by a few
degrees. Confirm such a match before acting on it."""

FoundBy = Literal["hash", "hash and embedding", "embedding"]

MIN_QUALITY: Final = 10
"""Of pictures that are near, if the videos show enough: below it there is nothing to compare."""

_HASH_BYTES: Final = 32
_WORD: Final = 2**64 - 1


@dataclass(frozen=True, slots=True)
class ViewMatch:
    """How well one view of a video matches one of another."""

    first_view: str
    second_view: str
    is_mirrored: bool
    same_ratio: float
    """Share of pictures with the same picture in the other video, of the video with the larger share."""
    near_ratio: float
    """The same of pictures that are near."""
    num_same: int = 0
    """Matching pictures of that video that differ from each other."""

    @property
    def is_same(self) -> bool:
        """Whether the pictures alone say that one video is a copy of the other."""
        if self.first_view == COLUMN:
            return self.same_ratio >= COLUMN_RATIO and self.num_same >= MIN_SAME_COLUMNS
        is_part = self.same_ratio >= PART_OF_VIDEO_RATIO and self.near_ratio >= NEAR_VIDEO_RATIO
        return self.same_ratio >= SAME_VIDEO_RATIO or is_part


NO_MATCH: Final = ViewMatch(WHOLE, WHOLE, is_mirrored=False, same_ratio=0.0, near_ratio=0.0)


@dataclass(frozen=True, slots=True)
class FrameSimilarity:
    """Similarity of two videos."""

    match: ViewMatch
    """Of the two views that match best."""
    near_ratio: float
    """Largest share of near pictures, of any views."""
    cosine: float
    """Of the embeddings in the image space."""
    column_ratio: float = 0.0
    """Largest share of matching columns."""
    has_content: bool = True
    """Whether a quarter of the pictures of either video show more than captions; otherwise the embedding is that of
    their layout."""

    @property
    def matched_ratio(self) -> float:
        """Share of matching pictures, of the video with the larger share; 0 if either has no usable picture."""
        return self.match.same_ratio

    @property
    def is_mirrored(self) -> bool:
        """Whether the pictures match better when mirrored."""
        return self.match.is_mirrored

    @property
    def found_by(self) -> FoundBy | None:
        """What makes the second video a copy; None if it is none."""
        if self.match.is_same:
            return "hash"
        if not self.has_content:
            return None
        is_near = self.near_ratio >= SAME_VIDEO_RATIO or self.column_ratio >= COLUMN_RATIO
        if is_near and self.cosine >= NEAR_VIDEO_COSINE:
            return "hash and embedding"
        return "embedding" if self.cosine >= SAME_VIDEO_COSINE else None

    @property
    def is_near_duplicate(self) -> bool:
        """Whether the second video is a copy."""
        return self.found_by is not None

    @property
    def is_candidate(self) -> bool:
        """Whether the second video looks alike, and nothing confirms that it is a copy."""
        return not self.is_near_duplicate and self.cosine >= CANDIDATE_COSINE


def frame_similarity(first: VideoHashes, second: VideoHashes, cosine: float) -> FrameSimilarity:
    """Compare two videos by the hashes of `video_hashes` and the cosine of their embeddings."""
    ours, theirs = ({view: _view(pictures) for view, pictures in video.items()} for video in (first, second))
    matches = [
        _match(views, ours[views[0]], theirs[views[1]], is_mirrored=is_mirrored)
        for is_mirrored in (False, True)
        for views in _comparable_views(first, second)
    ]
    has_content = _has_content(first) and _has_content(second)
    pictures = [match for match in matches if match.first_view != COLUMN]
    columns = [match for match in matches if match.first_view == COLUMN]
    best = max((*pictures, *(columns if has_content else ())), key=_certainty, default=NO_MATCH)
    return FrameSimilarity(
        best,
        max((match.near_ratio for match in pictures), default=0.0),
        cosine,
        max((match.same_ratio for match in columns), default=0.0),
        has_content=has_content,
    )


def _certainty(match: ViewMatch) -> tuple[bool, float, float]:
    return match.is_same, match.same_ratio, match.near_ratio


def _has_content(hashes: VideoHashes) -> bool:
    pictures = hashes.get(WHOLE, ())
    return sum(picture.is_usable for picture in pictures) >= CONTENT_RATIO * len(pictures)


@dataclass(frozen=True, slots=True, eq=False)
class _HashView:
    """Different hashes of one view."""

    words: np.ndarray
    """(N, K, 4) uint64: K hashes of each picture."""
    qualities: np.ndarray
    """(N,)."""


def _view(pictures: Sequence[HashedPicture]) -> _HashView:
    """Pack pictures of different hashes: one that stands still must not outweigh all others."""
    distinct = list({picture.values: picture for picture in pictures}.values())
    words = b"".join(value.to_bytes(_HASH_BYTES, "little") for picture in distinct for value in picture.values)
    return _HashView(
        np.frombuffer(words, np.uint64).reshape(len(distinct), -1, _HASH_BYTES // 8),
        np.array([picture.quality for picture in distinct]),
    )


def _comparable_views(first: VideoHashes, second: VideoHashes) -> Iterator[tuple[str, str]]:
    """Yield the views of two videos that may show the same: one is a part of the other, or both are cut alike."""
    for view in first:
        for other in second:
            is_alike = view == other != UPRIGHT
            is_part = WHOLE in (view, other) and not {THIRDS, COLUMN} & {view, other}
            if is_alike or is_part:
                yield view, other


def _match(views: tuple[str, str], first: _HashView, second: _HashView, *, is_mirrored: bool) -> ViewMatch:
    distances = _distances(first, second, is_mirrored=is_mirrored)
    # Parts, and pictures between others, are of some pictures alone: how much of another video they cover says nothing.
    sides = [(first, second, distances)] if views[0] != WHOLE or views[0] == views[1] else []
    sides += [(second, first, distances.T)] if views[1] != WHOLE or views[0] == views[1] else []
    quality = COLUMN_QUALITY if COLUMN in views else USABLE_QUALITY
    same = [_partnered(*side, bits=SAME_PICTURE_BITS, quality=quality) for side in sides]
    near = [_partnered(*side, bits=NEAR_PICTURE_BITS, quality=MIN_QUALITY) for side in sides]
    pictures, partnered = max(same, key=lambda each: _share(each[1]))
    return ViewMatch(
        *views,
        is_mirrored=is_mirrored,
        same_ratio=_share(partnered),
        near_ratio=max(_share(each) for _, each in near),
        num_same=_num_different(pictures[partnered]) if COLUMN in views else int(partnered.sum()),
    )


def _distances(first: _HashView, second: _HashView, *, is_mirrored: bool) -> np.ndarray:
    """Return (N, M): what `distance` says of each picture of the first and each of the second."""
    words = first.words ^ np.uint64(MIRRORING & _WORD) if is_mirrored else first.words
    each = np.bitwise_count(words[:, None] ^ second.words[None]).sum(axis=-1, dtype=np.int64)
    return np.asarray(np.sort(each, axis=-1)[..., each.shape[-1] // 2])


def _partnered(
    pictures: _HashView, others: _HashView, distances: np.ndarray, *, bits: int, quality: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the hashes of the pictures with at least this quality, and (N,) bool: which have a partner within so many
    bits."""
    counted, partners = pictures.qualities >= quality, others.qualities >= quality
    return pictures.words[counted], np.asarray((distances[counted][:, partners] <= bits).any(axis=1))


def _share(partnered: np.ndarray) -> float:
    return float(partnered.mean()) if len(partnered) else 0.0


def _num_different(words: np.ndarray) -> int:
    """Return how many of (N, K, 4) hashes differ from those before them."""
    kept: list[np.ndarray] = []
    for each in words:
        if all(np.bitwise_count(each ^ other).sum() >= DIFFERENT_BITS for other in kept):
            kept.append(each)
    return len(kept)


def times_of(first: VideoHashes, second: VideoHashes, found: FrameSimilarity) -> MatchedTimes | None:
    """Return where two videos show the same, by the views that match best; None if no hashes are near."""
    pictures, others = first.get(found.match.first_view, ()), second.get(found.match.second_view, ())
    bits = SAME_PICTURE_BITS if found.match.is_same else NEAR_PICTURE_BITS
    pairs = [
        (one.pts_seconds, other.pts_seconds)
        for one, other in product(pictures, others)
        if distance(one, other, is_mirrored=found.is_mirrored) <= bits
    ]
    return matched_times(pairs)

"""Duplicates of a video: recognised by perceptual hashes of their frames, and by the direction of their embedding.

Hashes follow the advice of PDQ's authors (Facebook, "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing
Algorithm", 2019): two within 31 of 256 bits are the same picture, and those of low quality are not compared. Order and
time of frames are ignored, so a sped-up copy is found if the same pictures were sampled. Mirrored pictures are found by
the mirrored hash; cropped ones hardly, so the embedding is used for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from operators.frames.perceptual_hash import USABLE_QUALITY
from schemas.evidence import Feature

SAME_PICTURE_BITS: Final = 31
SAME_VIDEO_RATIO: Final = 0.5
"""Share of matching frames from which two videos count as copies."""
SAME_VIDEO_COSINE: Final = 0.85
"""Cosine of embeddings from which two videos count as copies, whatever the hashes.

It is between the copies and the unrelated videos of `vidsignal bench near-duplicates`, a set of eight contents; among
millions of videos some unrelated ones come closer, so confirm a match before acting on it.
"""

_ODD_COLUMNS: Final = int("5" * 64, 16)
"""Bits of odd horizontal frequencies, which change their sign when a picture is mirrored."""


@dataclass(frozen=True, slots=True)
class FrameSimilarity:
    """Similarity of two videos."""

    matched_ratio: float
    """Share of matching frames, of the video with the larger share; 0 if either has no usable frame."""
    is_mirrored: bool
    """Whether the frames match better when mirrored."""
    cosine: float
    """Of the embeddings in the image space."""

    @property
    def is_same_by_hash(self) -> bool:
        """Whether the hashes alone match."""
        return self.matched_ratio >= SAME_VIDEO_RATIO

    @property
    def is_same_by_embedding(self) -> bool:
        """Whether the embedding alone matches."""
        return self.cosine >= SAME_VIDEO_COSINE

    @property
    def is_near_duplicate(self) -> bool:
        """Whether either matches."""
        return self.is_same_by_hash or self.is_same_by_embedding


def usable_hashes(features: Mapping[str, Feature]) -> tuple[int, ...]:
    """Return the hashes of a video's frames as integers, without those of low quality and duplicates."""
    feature = features.get("visual.perceptual_hashes")
    entries: Sequence[Mapping[str, Any]] = feature.value if feature else ()
    return tuple(dict.fromkeys(int(entry["hash"], 16) for entry in entries if entry["quality"] >= USABLE_QUALITY))


def mirrored(perceptual_hash: int) -> int:
    """Return the hash of the mirrored picture, except for a few bits.

    Mirroring changes the sign of odd horizontal frequencies; a bit says whether one exceeds the median, which is close
    to zero.
    """
    return perceptual_hash ^ _ODD_COLUMNS


def frame_similarity(first: Sequence[int], second: Sequence[int], cosine: float) -> FrameSimilarity:
    """Compare two videos by the hashes of `usable_hashes` and the cosine of their embeddings."""
    straight = matched_ratio(first, second)
    turned = matched_ratio([mirrored(each) for each in first], second)
    return FrameSimilarity(matched_ratio=max(straight, turned), is_mirrored=turned > straight, cosine=cosine)


def matched_ratio(first: Sequence[int], second: Sequence[int]) -> float:
    """Return the share of frames that match the other video, of the video with the larger share: a part is a copy,
    too."""
    if not first or not second:
        return 0.0
    return max(_with_partner(first, second) / len(first), _with_partner(second, first) / len(second))


def _with_partner(hashes: Sequence[int], others: Sequence[int]) -> int:
    return sum(any((each ^ other).bit_count() <= SAME_PICTURE_BITS for other in others) for each in hashes)

"""The hashes of a video's pictures and of their parts, as its feature record has them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from operators.frames.hash_limits import USABLE_QUALITY
from operators.frames.part_names import BANDS
from schemas.evidence import Feature

WHOLE: Final = "whole"
"""View of the whole picture; other views are `THIRDS` and the parts of `operators.frames.part_names`."""
THIRDS: Final = "thirds"
"""View of the three bands of a picture together: two of them are enough, as a caption covers one."""
WHOLES: Final = "visual.perceptual_hashes"
PARTS: Final = "visual.part_hashes"
"""Features; a record of before 2026-12 has the first alone."""

MIRRORING: Final = int("5" * 64, 16)
"""Bits of odd horizontal frequencies, which change their sign when a picture is mirrored."""


@dataclass(frozen=True, slots=True)
class HashedPicture:
    """One picture, or a part of one."""

    pts_seconds: float
    values: tuple[int, ...]
    """The hash, 256 bits; of `THIRDS` those of the three bands."""
    qualities: tuple[int, ...]
    """Of each, 0 to 100."""

    @property
    def quality(self) -> int:
        """The middle one."""
        return _middle(self.qualities)

    @property
    def is_usable(self) -> bool:
        """Whether the picture shows enough for its hash to say something alone."""
        return self.quality >= USABLE_QUALITY


VideoHashes = Mapping[str, tuple[HashedPicture, ...]]
"""By view, in order of time; a view without pictures is left out."""


def video_hashes(features: Mapping[str, Feature]) -> VideoHashes:
    """Return the hashes of a video by view; empty for one without pictures."""
    views: defaultdict[str, list[HashedPicture]] = defaultdict(list)
    for name in (WHOLES, PARTS):
        feature = features.get(name)
        entries: Sequence[Mapping[str, Any]] = feature.value if feature else ()
        for entry in entries:
            picture = HashedPicture(entry["pts_seconds"], (int(entry["hash"], 16),), (entry["quality"],))
            views[entry.get("part", WHOLE)].append(picture)
    bands = [{picture.pts_seconds: picture for picture in views.pop(band, ())} for band in BANDS]
    for seconds in bands[0]:
        if all(seconds in band for band in bands):
            views[THIRDS].append(_joined([band[seconds] for band in bands]))
    return {view: tuple(pictures) for view, pictures in views.items()}


def distance(first: HashedPicture, second: HashedPicture, *, is_mirrored: bool) -> int:
    """Return by how many of 256 bits two pictures differ; of `THIRDS` the middle of three distances."""
    firsts = map(mirrored, first.values) if is_mirrored else first.values
    return _middle([(one ^ other).bit_count() for one, other in zip(firsts, second.values, strict=True)])


def mirrored(perceptual_hash: int) -> int:
    """Return the hash of the mirrored picture, except for a few bits.

    Mirroring changes the sign of odd horizontal frequencies; a bit says whether one exceeds the median, which is close
    to zero.
    """
    return perceptual_hash ^ MIRRORING


def _joined(bands: Sequence[HashedPicture]) -> HashedPicture:
    return HashedPicture(
        bands[0].pts_seconds,
        tuple(value for band in bands for value in band.values),
        tuple(quality for band in bands for quality in band.qualities),
    )


def _middle(values: Sequence[int]) -> int:
    return values[0] if len(values) == 1 else sorted(values)[len(values) // 2]

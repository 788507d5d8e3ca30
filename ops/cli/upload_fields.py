"""Uploads as a command line names them: paths or addresses, and fields from options or from a metadata file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ops.cli.console import fail
from ops.cli.exit_codes import ExitCode
from ops.cli.field_options import UPLOAD_OPTIONS, refused_field, with_option
from ops.cli.metadata_file import MetadataFile
from ops.source_argument import InvalidUploadField, file_problem, is_file, make_upload, scheme_problem
from schemas.uploads import VideoUploaded

Media = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH...",
        help="Video, sound or picture files as the workers see them, or addresses: http, https, s3, gs, az.",
    ),
]

_NONE = MetadataFile()


def build_uploads(
    paths: Sequence[str],
    options: dict[str, Any],
    metadata: MetadataFile,
    video_id: str | None = None,
    sha256: str | None = None,
) -> list[VideoUploaded]:
    """Create and check the events of several paths; a metadata file's fields come before the options."""
    uploads = [build_upload(path, options, video_id, sha256, metadata) for path in paths]
    metadata.warn_unknown(paths)
    return uploads


def require_files(paths: Iterable[str]) -> None:
    """Exit with the usage code if a path names no file; addresses are not asked for."""
    for path in paths:
        if is_file(path) and (problem := file_problem(path)):
            fail(f"{path}: {problem}", ExitCode.USAGE)


def build_upload(
    path: Path | str,
    options: dict[str, Any],
    video_id: str | None = None,
    sha256: str | None = None,
    metadata: MetadataFile = _NONE,
) -> VideoUploaded:
    """Create and check an upload event; exits with the usage code if a field or the address's scheme is wrong."""
    if problem := scheme_problem(str(path)):
        fail(f"{path}: {problem}", ExitCode.USAGE)
    fields = metadata.fields_of(str(path))
    try:
        return make_upload(str(path), {**options, **fields}, video_id, sha256)
    except InvalidUploadField as error:
        message = str(error)
        if refused_field(message) in fields:
            fail(f"{path}: --metadata {metadata.file}: {message}", ExitCode.USAGE)
        fail(f"{path}: {with_option(message, UPLOAD_OPTIONS)}", ExitCode.USAGE)

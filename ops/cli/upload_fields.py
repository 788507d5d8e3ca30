"""Uploads as a command line names them: paths or addresses, and fields from options or from a metadata file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from ops.cli.console import fail
from ops.cli.exit_codes import ExitCode
from ops.source_argument import file_name, make_upload, scheme_problem
from schemas.uploads import VideoUploaded

Media = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH...",
        help="Video, sound or picture files as the workers see them, or addresses: http, https, s3, gs, az.",
    ),
]


def build_upload(
    path: Path | str, fields: dict[str, Any], video_id: str | None = None, sha256: str | None = None
) -> VideoUploaded:
    """Create and check an upload event; exits with the usage code if a field or the address's scheme is wrong."""
    if problem := scheme_problem(str(path)):
        fail(f"{path}: {problem}", ExitCode.USAGE)
    try:
        return make_upload(str(path), fields, video_id, sha256)
    except msgspec.ValidationError as error:
        fail(f"{path}: {error}", ExitCode.USAGE)


def metadata_for(path: str, metadata: Path | None) -> dict[str, Any]:
    """Return the fields of a metadata file for one path; exits with the usage code if the file cannot be read."""
    if metadata is None:
        return {}
    try:
        content = json.loads(metadata.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        fail(f"--metadata {metadata}: {error}", ExitCode.USAGE)
    if not isinstance(content, dict):
        fail(f"--metadata {metadata}: expected a JSON object, got {type(content).__name__}", ExitCode.USAGE)
    name = file_name(path)
    fields = content.get(name, {} if _is_per_file(content) else content)
    if not isinstance(fields, dict):
        fail(
            f"--metadata {metadata}: {name!r} is {type(fields).__name__}; expected an object with fields of the upload",
            ExitCode.USAGE,
        )
    return dict(fields)


def _is_per_file(content: dict[str, Any]) -> bool:
    return bool(content) and all(isinstance(value, dict) for value in content.values())

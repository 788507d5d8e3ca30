"""Uploads of the user's own files in the demo."""

from __future__ import annotations

from pathlib import Path

from ops.assets.sample_uploads import CREATOR
from ops.cli.console import fail
from ops.cli.exit_codes import ExitCode
from ops.cli.upload_fields import build_upload
from schemas.uploads import VideoUploaded


def demo_uploads(paths: list[Path]) -> list[VideoUploaded]:
    """Return uploads of the user's own files; exits with the usage code if one does not exist."""
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        fail(f"not a file: {', '.join(missing)}", ExitCode.USAGE)
    return [build_upload(path, {"title": path.stem.replace("_", " "), "creator_id": CREATOR}) for path in paths]

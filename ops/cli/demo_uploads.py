"""What the demo publishes."""

from __future__ import annotations

from pathlib import Path

from ops.assets import SAMPLE_CLIPS, sample_path
from ops.cli.console import fail
from ops.cli.exit_codes import ExitCode
from ops.cli.publish import build_upload
from schemas.uploads import VideoUploaded

CREATOR = "demo"


def sample_uploads(cache_dir: Path) -> list[VideoUploaded]:
    """The sample clips that have words to be published with."""
    return [
        build_upload(
            sample_path(clip, cache_dir),
            {
                "title": clip.upload.title,
                "description": clip.upload.description,
                "hashtags": list(clip.upload.hashtags),
                "creator_id": CREATOR,
            },
        )
        for clip in SAMPLE_CLIPS
        if clip.upload is not None
    ]


def demo_uploads(paths: list[Path]) -> list[VideoUploaded]:
    """The user's own files; leaves with the usage code where one is not there."""
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        fail(f"not a file: {', '.join(missing)}", ExitCode.USAGE)
    return [build_upload(path, {"title": path.stem.replace("_", " "), "creator_id": CREATOR}) for path in paths]

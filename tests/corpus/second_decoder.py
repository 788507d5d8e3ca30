"""What another build of FFmpeg makes of a file: `ffprobe` of the path, where there is one."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

TIMEOUT_SECONDS = 300.0
"""It has no limits of its own; a file that needs longer gave it nothing."""


def has_second_decoder() -> bool:
    """Whether there is one."""
    return shutil.which("ffprobe") is not None


def counted(path: Path) -> Mapping[str, tuple[int, int]]:
    """By kind (`video`, `audio`): packets of the first stream, and frames that it gives; none where it cannot open."""
    command = (
        "ffprobe", "-v", "quiet", "-count_frames", "-count_packets", "-of", "json",
        "-show_entries", "stream=codec_type,nb_read_frames,nb_read_packets", str(path),
    )  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=TIMEOUT_SECONDS)
        streams = json.loads(done.stdout or b"{}").get("streams", [])
    except (subprocess.TimeoutExpired, ValueError):
        return {}
    found: dict[str, tuple[int, int]] = {}
    for stream in streams:
        counts = (int(stream.get("nb_read_packets", 0)), int(stream.get("nb_read_frames", 0)))
        found.setdefault(stream.get("codec_type", ""), counts)
    return found

"""Runs the program that downloads a package, and watches how much has come."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

_LOOK_SECONDS = 0.2


class AssetUnavailable(RuntimeError):
    """A package could not be fetched, or is not the pinned one; a later attempt may help."""


def run_download(command: Sequence[str], folder: Path, look: Callable[[], object]) -> tuple[int, str]:
    """Return the exit code of a command, and what it complained of. Its temporary files are here in the folder."""
    complaints = folder / "complaints"
    with complaints.open("wb") as stderr:
        environment = {**os.environ, "TMPDIR": str(folder)}
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr, env=environment) as process:
            while _is_running(process):
                look()
    return process.returncode, complaints.read_text(encoding="utf-8", errors="replace")


def _is_running(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(_LOOK_SECONDS)
    except subprocess.TimeoutExpired:
        return True
    return False


def num_bytes_in(folder: Path) -> int:
    """Return the size of the largest file: a program may also write the same into its cache, and files come and go."""
    sizes = [0]
    for path in folder.rglob("*"):
        with suppress(OSError):
            sizes.append(path.stat().st_size if path.is_file() else 0)
    return max(sizes)

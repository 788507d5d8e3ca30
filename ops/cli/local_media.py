"""Checks that a path on a command line is a readable file, before anything is published."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from ops.source_argument import is_file, scheme_problem


def path_problems(media: Iterable[str]) -> list[str]:
    """Return one line for each path that is no readable regular file here; addresses are not checked."""
    return [f"{medium}: {problem}" for medium in media if is_file(medium) and (problem := _problem(medium))]


def _problem(path: str) -> str:
    if problem := scheme_problem(path):
        return problem
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    if not stat.S_ISREG(mode):
        return "is not a regular file"
    return "" if os.access(path, os.R_OK) else "may not be read"

"""Media folders and prefixes that a worker may read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ops.doctor.check_context import CheckContext
from ops.doctor.finding import Finding, ok, warning, wrong


def examine(context: CheckContext) -> Iterator[Finding]:
    """Check each folder of `media_roots`, and the prefixes of objects."""
    settings = context.settings
    if not settings.media_roots and not settings.object_prefixes:
        yield warning(
            "folders",
            "neither VIDSIGNAL_MEDIA_ROOTS nor VIDSIGNAL_OBJECT_PREFIXES names anything",
            means="files and objects are refused; only media behind public URLs is read",
            do="set VIDSIGNAL_MEDIA_ROOTS to the folders from which media may be read",
        )
    for root in settings.media_roots:
        yield _folder(root)
    if settings.object_prefixes:
        yield ok("objects", f"allowed below {', '.join(settings.object_prefixes)}; not asked here")


def _folder(root: Path) -> Finding:
    if not root.is_dir():
        return wrong(
            str(root),
            "is not a folder" if root.exists() else "does not exist",
            means="its media is waited for, and becomes failed signals after VIDSIGNAL_SOURCE_OUTAGE_TIMEOUT_SECONDS",
            do="mount it, or take it out of VIDSIGNAL_MEDIA_ROOTS",
        )
    if not os.access(root, os.R_OK | os.X_OK):
        return wrong(
            str(root),
            f"user {os.geteuid()} may not read it",
            means="media below it becomes failed signals",
            do=f"chmod o+rx {root}, or run workers as its owner",
        )
    if not any(os.scandir(root)):
        return warning(
            str(root),
            "is empty",
            means="a file that is not there is waited for: an empty root is taken for one that is not mounted",
            do="mount it, or put a file into it",
        )
    return ok(str(root), "a folder that can be read")

"""Free space on disk and in shared memory."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from operators.inference.private_cache import PrivateCache
from ops.doctor.check_context import CheckContext
from ops.doctor.finding import Finding, ok, warning, wrong
from streams.config.settings import Settings
from streams.lifecycle.private_cache import private_cache

_CACHE_BYTES: Final = 512 * 2**20
"""Weights and probe results, with a reserve."""

FreeBytes = Callable[[Path], int]


def free_bytes(folder: Path) -> int:
    """Return the free space for a folder that may not exist yet. Raises OSError."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free


def examine(context: CheckContext, free: FreeBytes = free_bytes) -> Iterator[Finding]:
    """Check the cache, the compiled models and the spool."""
    settings = context.settings
    yield _cache(settings.cache_dir, free)
    if {"media", "backfill"} & set(settings.roles):
        yield _compiled(private_cache(settings))
    yield _spool(settings, free)


def _cache(folder: Path, free: FreeBytes) -> Finding:
    room = free(folder)
    found = f"{_mebibytes(room)} free at {folder}"
    if room >= _CACHE_BYTES:
        return ok("cache", found)
    return warning(
        "cache",
        found,
        means="weights of a next release will not fit",
        do="make room, or name another folder in VIDSIGNAL_CACHE_DIR",
    )


def _compiled(kept: PrivateCache) -> Finding:
    trouble = kept.trouble()
    if not trouble:
        return ok("compiled models", f"{_mebibytes(kept.used_bytes())} at {kept.folder}")
    return warning(
        "compiled models",
        f"none can be kept at {kept.folder}: {trouble}",
        means="each start of a worker, and each `vidsignal analyze`, compiles all models again",
        do=f"remove {kept.folder}, or name a folder of the worker's user in VIDSIGNAL_COMPILED_DIR",
    )


def _spool(settings: Settings, free: FreeBytes) -> Finding:
    folder = settings.spool_dir or settings.cache_dir / "spool"
    room, wanted = free(folder), settings.spool_max_bytes
    found = f"{_mebibytes(room)} free at {folder}, and a worker may use {_mebibytes(wanted)} of it"
    if room >= wanted:
        return ok("spool", found)
    judge = wrong if room < wanted // 10 else warning
    return judge(
        "spool",
        found,
        means="fetched media waits for room that never comes, and such videos are deferred",
        do="make room, name another folder in VIDSIGNAL_SPOOL_DIR, or lower VIDSIGNAL_SPOOL_MAX_BYTES",
    )


def _mebibytes(number: int) -> str:
    return f"{number / 2**20:,.0f} MiB"

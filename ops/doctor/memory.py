"""Limits of this process: memory and open files, compared with the settings."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from ops.doctor.check_context import CheckContext
from ops.doctor.finding import Finding, ok, warning, wrong
from streams.config.settings import Settings
from streams.store.client import MAX_CONNECTIONS

_CGROUP_LIMIT: Final = Path("/sys/fs/cgroup/memory.max")
_WORKER_BYTES: Final = 1536 * 2**20
"""One worker with all models on a CPU, measured by `vidsignal bench pipeline`."""
_OTHER_FILES: Final = 256
"""For libraries, sockets to brokers, and logs."""
_FILES_A_VIDEO: Final = 8
_FILES_A_DECODER: Final = 8


@dataclass(frozen=True, slots=True)
class Allowance:
    """Available memory and files."""

    memory_bytes: int
    open_files: int


def allowance() -> Allowance:
    """Return those of this process: the smaller of machine and control group."""
    total = int(psutil.virtual_memory().total)
    text = _CGROUP_LIMIT.read_text().strip() if _CGROUP_LIMIT.is_file() else "max"
    return Allowance(min(total, int(text)) if text.isdigit() else total, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def examine(context: CheckContext, allowed: Allowance | None = None) -> Iterator[Finding]:
    """Check memory of decoders and models, and file descriptors."""
    allowed = allowed or allowance()
    if {"media", "backfill"} & set(context.settings.roles):
        yield _memory(context.settings, allowed.memory_bytes)
    yield _files(context.settings, allowed.open_files)


def _memory(settings: Settings, there: int) -> Finding:
    decoders = settings.decode_processes * settings.decode_memory_bytes
    found = (
        f"{_gibibytes(there)}; a worker takes about {_gibibytes(_WORKER_BYTES)}, and its decoders at most "
        f"{settings.decode_processes} x {_gibibytes(settings.decode_memory_bytes)}"
    )
    do = "lower VIDSIGNAL_DECODE_PROCESSES or VIDSIGNAL_DECODE_MEMORY_BYTES, or give the worker more memory"
    if there < _WORKER_BYTES:
        return wrong("memory", found, means="the kernel will end the worker", do=do)
    if there < _WORKER_BYTES + decoders:
        return warning("memory", found, means="several hostile videos at once may end the worker", do=do)
    return ok("memory", found)


def _files(settings: Settings, there: int) -> Finding:
    needed = 2 * MAX_CONNECTIONS + _OTHER_FILES
    if {"media", "backfill"} & set(settings.roles):
        needed += (
            settings.max_concurrent_videos + settings.backfill_max_concurrent_videos
        ) * _FILES_A_VIDEO + settings.decode_processes * _FILES_A_DECODER
    found = f"{there} allowed, a worker with these settings needs up to {needed}"
    if there < 0 or there >= needed:
        return ok("open files", found)
    return wrong(
        "open files",
        found,
        means="under load connections and media cannot be opened, and the worker ends",
        do=f"ulimit -n {max(4096, needed)}, or LimitNOFILE= in the service's unit",
    )


def _gibibytes(number: int) -> str:
    return f"{number / 2**30:.1f} GiB"

"""Limits of a decoder process, and the sandbox that it enters before it reads media."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38
CLONE_NEWUSER = 0x1000_0000
CLONE_NEWNET = 0x4000_0000
MEMORY_KILLER = Path("/proc/self/oom_score_adj")
PREFERENCE = 300
"""Of 1000. When memory runs out the kernel kills a decoder before its worker: a video is decoded again, whereas with a
worker all its events in flight are lost."""


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """Limits of one decode; the parent enforces wall time, the kernel the rest."""

    wall_seconds: float = 60.0
    cpu_seconds: int = 60
    """Per video: the process gets a new allowance with each request."""
    memory_bytes: int = 3 * 2**30
    """Address space. A 4:2:0 8K picture takes 50 MB and H.264 may hold 17 of them."""
    output_bytes: int = 768 * 2**20
    """Shared memory for decoded data; the default plan of a long video needs about 200 MiB of it."""
    open_files: int = 64
    max_pixels: int = 64 * 2**20
    """Pixels of one picture: 8K has 33 million, the largest phone photos 50, 16K 133."""
    max_videos_per_process: int = 500
    """After this number the process is replaced, which limits the lifetime of leaks and of an attacker's code."""


def lock_down(limits: DecodeLimits, parent_pid: int) -> bool:
    """Apply all limits to this process permanently.

    Call it first, while the process has one thread: a user namespace cannot be created with more.

    Returns:
        Whether the network is unreachable.
    """
    is_network_isolated = _leave_network()
    _volunteer_for_memory_killer()
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    _prctl(PR_SET_DUMPABLE, 0)
    for kind, allowed in _ceilings(limits).items():
        resource.setrlimit(kind, (allowed, allowed))
    # After the namespace: the kernel forgets the death signal when credentials change.
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(0)  # the parent died before the line above
    return is_network_isolated


def allow_cpu_seconds(seconds: int) -> None:
    """Let this process use `seconds` more of CPU time; after that SIGXCPU ends it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


def _ceilings(limits: DecodeLimits) -> dict[int, int]:
    return {
        resource.RLIMIT_AS: limits.memory_bytes,
        resource.RLIMIT_FSIZE: limits.output_bytes,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_CORE: 0,
    }


def _volunteer_for_memory_killer() -> None:
    with contextlib.suppress(OSError):  # no such file, or not writable: then the kernel chooses
        MEMORY_KILLER.write_text(str(min(1000, int(MEMORY_KILLER.read_text()) + PREFERENCE)))


def _leave_network() -> bool:
    """Enter an empty network namespace, directly with privileges and through a user namespace without."""
    libc = ctypes.CDLL(None, use_errno=True)
    return any(libc.unshare(flags) == 0 for flags in (CLONE_NEWNET, CLONE_NEWUSER | CLONE_NEWNET))


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}, {value}) failed")

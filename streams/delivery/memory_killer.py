"""The kernel's OOM count: how many processes it killed on this machine, including in containers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_COUNTERS: Final = Path("/proc/vmstat")


@dataclass(frozen=True, slots=True)
class MemoryKills:
    """Number of processes that the OOM killer ended since the machine's start."""

    boot_id: str
    """A decimal number, like the values stored with it; empty if the kernel does not provide it.

    It changes with every start of the machine, and differs between machines.
    """
    count: int


def memory_kills() -> MemoryKills:
    """Read the kernel's count, which is readable for every process since Linux 4.13, also in a container."""
    try:
        boot_id = str(UUID(_BOOT.read_text(encoding="ascii").strip()).int)
        lines = _COUNTERS.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return MemoryKills("", 0)
    counts = [int(line.split()[1]) for line in lines if line.startswith("oom_kill ")]
    return MemoryKills(boot_id, counts[0]) if counts else MemoryKills("", 0)

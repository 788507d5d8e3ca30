"""What the kernel says of its memory killer: it counts whom it killed on this machine, containers included."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_COUNTERS: Final = Path("/proc/vmstat")


@dataclass(frozen=True, slots=True)
class MemoryKills:
    """How many processes the kernel has killed for want of memory since a machine's start."""

    boot_id: str
    """A decimal number, as all that is stored beside it; empty where the kernel does not tell.

    It changes with every start of the machine, and differs between machines.
    """
    count: int


def memory_kills() -> MemoryKills:
    """Read the kernel's count, which since Linux 4.13 anybody may, in a container too."""
    try:
        boot_id = str(UUID(_BOOT.read_text(encoding="ascii").strip()).int)
        lines = _COUNTERS.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return MemoryKills("", 0)
    counts = [int(line.split()[1]) for line in lines if line.startswith("oom_kill ")]
    return MemoryKills(boot_id, counts[0]) if counts else MemoryKills("", 0)

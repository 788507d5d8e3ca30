"""Runs a program that tries what this processor computes. It may crash, so it has a process of its own.

Imports neither torch nor numpy, see `cpu_probe`.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

CHILD_SECONDS: Final = 120.0
"""A child that takes longer is killed, and the missing result is not stored: the machine may only be busy."""

ENDED_FROM_OUTSIDE: Final = frozenset({signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGKILL})
"""Signals that say nothing about the processor: somebody stops the worker, or the system lacks memory. Such a result is
not stored either."""


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """What a child printed, or why there is nothing."""

    content: Any | None
    """The JSON of its last line; None if it failed."""
    note: str = ""
    """How it failed."""
    conclusive: bool = True
    """False if another try could have a different result."""


def ask_child(program: Path, *arguments: str) -> ProbeAnswer:
    """Run a program and return its answer."""
    # -P: the script's folder must not be first on the import path, because torch must not import its files.
    command = [sys.executable, "-P", str(program), *arguments]
    try:
        child = subprocess.run(command, capture_output=True, text=True, timeout=CHILD_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return ProbeAnswer(None, f"no answer in {CHILD_SECONDS:g} seconds", conclusive=False)
    if child.returncode < 0:
        is_crash = -child.returncode not in ENDED_FROM_OUTSIDE
        return ProbeAnswer(None, f"died of signal {-child.returncode}", conclusive=is_crash)
    if child.returncode > 0:
        return ProbeAnswer(None, f"failed: {_last_line(child.stderr) or 'no message'}")
    try:
        return ProbeAnswer(json.loads(_last_line(child.stdout)))
    except ValueError:
        return ProbeAnswer(None, "ended without an answer", conclusive=False)


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]

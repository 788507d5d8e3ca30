"""Python imports this at start where its folder is on the path: `time.time` is shifted by what a file says.

Only wall-clock time moves, as when a machine's clock is set; the monotonic clock, by which asyncio waits, goes on.
"""

from __future__ import annotations

import os
import time

_PATH = os.environ.get("CHAOS_CLOCK_FILE")
_REREAD_SECONDS = 0.05
_true_time = time.time
_true_time_ns = time.time_ns
_known = {"read_at": -1.0, "shift": 0.0}


def _shift_seconds() -> float:
    now = time.monotonic()
    if now - _known["read_at"] > _REREAD_SECONDS:
        _known["read_at"] = now
        try:
            with open(_PATH or "", encoding="ascii") as file:
                _known["shift"] = float(file.read() or 0.0)
        except (OSError, ValueError):  # being written
            pass
    return _known["shift"]


if _PATH:
    time.time = lambda: _true_time() + _shift_seconds()
    time.time_ns = lambda: _true_time_ns() + int(_shift_seconds() * 1e9)

"""What happened, in its order: every fault, start, end and look, one JSON object a line."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened."""

    unix_seconds: float
    event: str
    details: dict[str, Any] = field(default_factory=dict)


class Timeline:
    """Takes entries from any thread.

    Args:
        path: of the file.
        tell: called with each line for people; None tells nobody.
    """

    def __init__(self, path: Path, tell: Callable[[str], None] | None = None) -> None:
        self._file = path.open("a", buffering=1, encoding="utf-8")
        self._tell = tell
        self._lock = threading.Lock()
        self._entries: list[Entry] = []

    def add(self, event: str, **details: Any) -> None:
        """Note it with the present time."""
        entry = Entry(time.time(), event, details)
        with self._lock:
            self._entries.append(entry)
            self._file.write(json.dumps(asdict(entry), default=str) + "\n")
            if self._tell is not None:
                self._tell(_line(entry))

    def entries(self, event: str | None = None) -> list[Entry]:
        """All entries so far, or those of one event."""
        with self._lock:
            return [entry for entry in self._entries if event in (None, entry.event)]

    def close(self) -> None:
        """Take nothing more."""
        self._file.close()


def tell_stderr(line: str) -> None:
    """For a person who watches."""
    sys.stderr.write(line + "\n")


def _line(entry: Entry) -> str:
    at = time.strftime("%H:%M:%S", time.localtime(entry.unix_seconds))
    details = "  ".join(f"{name} {value}" for name, value in entry.details.items() if value not in (None, "", {}))
    return f"{at}  {entry.event:<22}{details}"

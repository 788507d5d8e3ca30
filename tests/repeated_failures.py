"""After a complete run with few failures, run each failed test alone, once: `python -m tests.repeated_failures`.

The gate runs three test processes and their servers on two cores. A test that fails there and passes alone depends on
load or on the order of tests: it is named at the end, for someone to mend, and does not stop the change under test.
A run that did not end by itself, more than `MAX_FAILURES` failures, or one that fails again end with exit code 1.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

MAX_FAILURES = 3
STATUS_KEY = "vidsignal/exit-status"
_CACHE = Path(".pytest_cache") / "v"


def main() -> int:
    """Judge the run that `.pytest_cache` describes; return the exit code."""
    status = _read(_CACHE / STATUS_KEY, -1)
    failures = sorted(_read(_CACHE / "cache" / "lastfailed", {}))
    return repeat(int(status), failures, _passes_alone)


def repeat(status: int, failures: Sequence[str], passes_alone: Callable[[str], bool]) -> int:
    """Return 0 if the run was complete and each of at most `MAX_FAILURES` failed tests passes alone, else 1."""
    if status != pytest.ExitCode.TESTS_FAILED or not 0 < len(failures) <= MAX_FAILURES:
        sys.stdout.write(f"not repeated: exit status {status}, {len(failures)} failures of at most {MAX_FAILURES}\n")
        return 1
    again = [name for name in failures if not passes_alone(name)]
    for name in failures:
        text = "FAILED TWICE {}" if name in again else "UNSTABLE {}: failed once, passed alone; mend it"
        sys.stdout.write(text.format(name) + "\n")
    return 1 if again else 0


def _passes_alone(name: str) -> bool:
    command = [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", name]
    return subprocess.run(command, check=False).returncode == pytest.ExitCode.OK


def _read(file: Path, otherwise: Any) -> Any:
    try:
        return json.loads(file.read_text())
    except FileNotFoundError:
        return otherwise


if __name__ == "__main__":
    sys.exit(main())

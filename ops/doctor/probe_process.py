"""A query that a separate process answers with one line of JSON: for code that may crash, hang or lock down its
process."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, Final

import msgspec

CHILD_SECONDS: Final = 10.0


class ProbeFailed(Exception):
    """The process ended otherwise; the message contains its last line, or says that it took too long."""


def ask_process(module: str, *arguments: str, timeout_seconds: float = CHILD_SECONDS) -> Any:
    """Run a module and return its output. Raises ProbeFailed."""
    command = [sys.executable, "-P", "-m", module, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise ProbeFailed(f"no answer within {timeout_seconds:g} s") from error
    if done.returncode < 0:
        raise ProbeFailed(f"died of signal {-done.returncode}")
    if done.returncode > 0:
        raise ProbeFailed((done.stderr.strip().splitlines() or ["no message"])[-1])
    return msgspec.json.decode(done.stdout)

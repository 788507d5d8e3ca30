"""A worker as a child process: started, awaited until it is ready, stopped or killed."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ops.local.child import Child, start_child
from ops.local.lifetime import Lifetime

READY_SECONDS = 480.0
"""Generous: a machine under load is slow, and a first start probes the CPU and measures models, which takes a minute of
CPU time or more."""
STOP_SECONDS = 30.0
WORKER_COMMAND = (sys.executable, "-P", "-m", "ops.cli", "worker")


class WorkerProcess(Lifetime):
    """`vidsignal worker` in its own process; `ready` contains its ready line.

    Args:
        folder: for its log.
        environment: settings, as `VIDSIGNAL_...` variables.
        name: in messages, and of the log file.
        arguments: further words of the command line.
        command: starts a worker; tests pass their own.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        *,
        name: str = "worker",
        arguments: tuple[str, ...] = (),
        command: tuple[str, ...] = WORKER_COMMAND,
    ) -> None:
        self._folder = folder
        self._environment = environment
        self._name = name
        self._command = (*command, *arguments)
        self._child: Child | None = None
        self.ready: dict[str, Any] = {}

    @property
    def child(self) -> Child:
        """The running process."""
        if self._child is None:
            raise RuntimeError(f"{self._name} is not open")
        return self._child

    @property
    def is_open(self) -> bool:
        """Whether it was started and neither closed nor killed."""
        return self._child is not None

    def start(self) -> None:
        """Start without waiting."""
        self._folder.mkdir(parents=True, exist_ok=True)
        log_path = self._folder / f"{self._name}.log"
        log_path.unlink(missing_ok=True)
        self._child = start_child(self._name, self._command, log_path=log_path, environment=self._environment)

    def await_ready(self, timeout_seconds: float = READY_SECONDS) -> None:
        """Wait for the ready line. Raises ChildDied, or TimeoutError with the end of the log."""
        self.child.await_ready(self._read_ready_line, timeout_seconds)

    def open(self) -> None:
        """Start and wait until it is ready."""
        self.start()
        try:
            self.await_ready()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Send SIGTERM and wait; SIGKILL if it does not end in time."""
        if self._child is not None:
            self._child.stop(STOP_SECONDS)
            self._child = None

    def kill(self) -> None:
        """Send SIGKILL, as a fault would."""
        self.child.kill()
        self._child = None
        self.ready = {}

    def _read_ready_line(self) -> bool:
        for line in self.child.log_path.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("{") and '"ready"' in line:
                content = json.loads(line)
                if content.get("event") == "ready":
                    self.ready = content
                    return True
        return False

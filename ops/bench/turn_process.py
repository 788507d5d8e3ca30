"""A process as a benchmark sees it: it computes only in its turn, and answers a line of JSON with a line of JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import psutil

from ops.bench.process_tree import TreeMeter, tree_of
from ops.local import parent_death_watch

_END_SECONDS = 30.0


class CompetitorFailed(RuntimeError):
    """A competitor's process ended, or did not start; the message ends with the end of its log."""


class TurnProcess:
    """One competitor with all its servers; paused between its turns, because some poll while they are idle.

    Args:
        name: for messages.
        command: starts it; it says `{"event": "ready", ...}` once it can be asked.
        log_path: takes its standard error.
        environment: replaces variables of this process.
    """

    def __init__(self, name: str, command: Sequence[str], log_path: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self._log_path = log_path
        with log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", parent_death_watch.__file__, str(os.getpid()), *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, **environment},
                process_group=0,
            )
        self._root = psutil.Process(self._process.pid)
        try:
            self.said: dict[str, Any] = self._read("ready")
        except BaseException:
            self._end()
            raise
        self.meter = TreeMeter(self._process.pid).open()
        self._signal_all("suspend")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def measure(self, do: str, **options: Any) -> dict[str, Any]:
        """Run a command in this process's turn; return what it measured, with `cpu_seconds` of the process tree.

        Raises:
            CompetitorFailed: the process ended.
        """
        self._signal_all("resume")
        before_seconds = self.meter.cpu_seconds()
        self._write({"do": do, **options})
        measured = self._read("done")
        measured["cpu_seconds"] = self.meter.cpu_seconds() - before_seconds
        self._signal_all("suspend")
        return measured

    def close(self) -> None:
        """End the process and what it started."""
        self.meter.close()
        self._end()

    def _end(self) -> None:
        self._signal_all("resume")
        tree = tree_of(self._root)
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
        for process in tree:
            with suppress(psutil.Error):
                process.kill()  # identified by its number and its start, so never a stranger's
        self._process.wait()

    def _signal_all(self, action: str) -> None:
        for process in tree_of(self._root):
            with suppress(psutil.Error):
                getattr(process, action)()

    def _write(self, command: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def _read(self, event: str) -> dict[str, Any]:
        assert self._process.stdout is not None
        while line := self._process.stdout.readline():
            if line.startswith("{") and (content := json.loads(line)).get("event") == event:
                return dict(content)
        log = self._log_path.read_text(encoding="utf-8", errors="replace")[-1500:]
        raise CompetitorFailed(f"{self.name} ended before it said {event!r}; its log:\n{log}")

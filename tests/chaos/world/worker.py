"""One worker process under attack, and what is known of it."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ops.local.child import Child, start_child
from tests.chaos.world.clock_file import ClockFile

PRODUCT = Path(__file__).resolve().parents[3]
_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Build:
    """What a worker is started from."""

    name: str
    command: tuple[str, ...]
    folder: Path = PRODUCT
    packages: Path | None = None
    """A folder of packages that this environment lacks."""

    @property
    def search_path(self) -> list[str]:
        """Its part of `PYTHONPATH`."""
        return [str(path) for path in (self.folder, self.packages) if path is not None]


PRESENT = Build("present", (sys.executable, "-m", "ops.cli", "worker"))


@dataclass(eq=False)
class Worker:
    """A process that was started; it may be ready, stopped or gone."""

    name: str
    build: Build
    roles: str
    """Comma-separated; empty for all."""
    child: Child
    clock: ClockFile
    started_unix_seconds: float = field(default_factory=time.time)
    ready_unix_seconds: float | None = None
    is_stopped: bool = False
    """By SIGSTOP."""
    is_expected_to_end: bool = False
    """Somebody killed it or asked it to end."""

    @property
    def is_alive(self) -> bool:
        """Whether the process runs and nobody has asked it to end."""
        return self.child.exit_code is None and not self.is_expected_to_end

    @property
    def is_ready(self) -> bool:
        """Whether it has reported it, and runs."""
        return self.is_alive and not self.is_stopped and self.ready_unix_seconds is not None

    def look(self) -> bool:
        """Read whether it has said that it is ready; True the first time that it had."""
        if self.ready_unix_seconds is not None or not _says_ready(self.child.log_path):
            return False
        self.ready_unix_seconds = time.time()
        return True

    def kill(self) -> None:
        """SIGKILL."""
        self.is_expected_to_end = True
        self.child.kill()

    def terminate(self, timeout_seconds: float) -> int | None:
        """SIGTERM and wait; SIGKILL, and None returned, where it does not end in time."""
        self.is_expected_to_end = True
        os.kill(self.child.pid, signal.SIGTERM)
        give_up = time.monotonic() + timeout_seconds
        while self.child.exit_code is None and time.monotonic() < give_up:
            time.sleep(_LOOK_SECONDS)
        code = self.child.exit_code
        self.child.kill()
        return code

    def pause(self) -> None:
        """SIGSTOP."""
        self.is_stopped = True
        self.child.pause()

    def resume(self) -> None:
        """SIGCONT."""
        self.child.resume()
        self.is_stopped = False

    def last_words(self) -> str:
        """Why it ended, by its own log."""
        lines = self.child.log_path.read_text(errors="replace").splitlines()
        for line in reversed(lines):
            if '"critical"' in line or '"worker exits after a fatal error"' in line:
                said = _json(line)
                return str(said.get("reason") or said.get("event") or line)[:500]
        return (lines[-1] if lines else "")[:500]


def start_worker(
    name: str, build: Build, roles: str, *, folder: Path, environment: Mapping[str, str], clock: ClockFile
) -> Worker:
    """Start one, without waiting; its clock is what its file says."""
    command = (*build.command, *(("--roles", roles) if roles else ()))
    search = os.pathsep.join((shifted_clock_path(), *build.search_path))
    more = {"PYTHONPATH": search, "CHAOS_CLOCK_FILE": str(clock.path), **environment}
    child = start_child(name, command, log_path=folder / f"{name}.log", environment=more, working_dir=build.folder)
    return Worker(name, build, roles, child, clock)


def shifted_clock_path() -> str:
    """A folder for `PYTHONPATH`: Python then begins with a clock that may be shifted."""
    return str(Path(__file__).parent / "shifted_clock")


def _says_ready(log_path: Path) -> bool:
    text = log_path.read_text(errors="replace") if log_path.exists() else ""
    return any(_json(line).get("event") == "ready" for line in text.splitlines() if '"ready"' in line)


def _json(line: str) -> dict[str, object]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}

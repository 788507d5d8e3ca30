"""The workers, and a supervisor that starts again whatever ends by itself, as systemd or Kubernetes do."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.timeline import Timeline
from tests.chaos.world.clock_file import ClockFile
from tests.chaos.world.worker import PRESENT, Build, Worker, start_worker

TERM_SECONDS = 90.0
"""A worker ends within its drain and 14 seconds; the rest is for a machine under load."""
_RESTART_SECONDS = 2.0
_LOOK_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Exit:
    """A worker that ended although nobody asked it to."""

    worker: str
    code: int
    """Minus the signal's number where a signal ended it."""
    reason: str


class Fleet:
    """Starts, kills and supervises workers.

    Args:
        folder: for their logs and clocks.
        timeline: told of every start and end.
        build: what a worker is started from.
    """

    def __init__(self, folder: Path, timeline: Timeline, build: Build = PRESENT) -> None:
        self.log_folder = folder
        """Where logs and clocks of workers lie; set it before anything is started."""
        self._timeline = timeline
        self._build = build
        self._lock = threading.RLock()
        self._is_closing = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, name="chaos-supervisor", daemon=True)
        self._num_started = 0
        self.environment: Mapping[str, str] = {}
        self.workers: list[Worker] = []
        """Those that live, as far as known."""
        self.exits: list[Exit] = []

    def open(self, environment: Mapping[str, str]) -> None:
        """Begin to supervise."""
        self.log_folder.mkdir(parents=True, exist_ok=True)
        self.environment = environment
        self._supervisor.start()

    def close(self) -> None:
        """SIGKILL to all that is left."""
        self._is_closing.set()
        if self._supervisor.is_alive():
            self._supervisor.join()
        for worker in list(self.workers):
            worker.kill()

    def start(self, roles: str = "", build: Build | None = None) -> Worker:
        """Start one, without waiting until it is ready."""
        with self._lock:
            self._num_started += 1
            name = f"worker-{self._num_started:03}"
            clock = ClockFile(self.log_folder / f"{name}.clock")
            worker = start_worker(
                name, build or self._build, roles, folder=self.log_folder, environment=self.environment, clock=clock
            )
            self.workers.append(worker)
        self._timeline.add("worker-started", worker=name, roles=roles or "all", build=worker.build.name)
        return worker

    def kill(self, worker: Worker) -> None:
        """SIGKILL."""
        worker.kill()
        self._forget(worker)

    def terminate(self, worker: Worker) -> None:
        """SIGTERM, and wait until it has ended."""
        began = time.monotonic()
        code = worker.terminate(TERM_SECONDS)
        self._forget(worker)
        seconds = round(time.monotonic() - began, 1)
        self._timeline.add("worker-terminated", worker=worker.name, exit_code=code, seconds=seconds)
        if code != 0:
            self.exits.append(Exit(worker.name, -9 if code is None else code, f"after SIGTERM: {worker.last_words()}"))

    def ready(self) -> list[Worker]:
        """Those of the present build that are at work, in the order of their start."""
        with self._lock:
            return [worker for worker in self.workers if worker.is_ready and worker.build is self._build]

    def await_ready(self, *workers: Worker, timeout_seconds: float) -> bool:
        """Wait until all of them are ready or have ended; say whether that came in time."""
        give_up = time.monotonic() + timeout_seconds
        while time.monotonic() < give_up and not self._is_closing.is_set():
            if all(worker.ready_unix_seconds or worker.child.exit_code is not None for worker in workers):
                return True
            time.sleep(_LOOK_SECONDS)
        self._timeline.add("worker-not-ready", workers=[worker.name for worker in workers])
        return False

    def _forget(self, worker: Worker) -> None:
        with self._lock:
            if worker in self.workers:
                self.workers.remove(worker)

    def _supervise(self) -> None:
        while not self._is_closing.wait(_LOOK_SECONDS):
            for worker in list(self.workers):
                if worker.look():
                    seconds = round(time.time() - worker.started_unix_seconds, 1)
                    self._timeline.add("worker-ready", worker=worker.name, after_seconds=seconds)
                if worker.child.exit_code is not None and not worker.is_expected_to_end:
                    self._replace(worker, worker.child.exit_code)

    def _replace(self, worker: Worker, code: int) -> None:
        worker.is_expected_to_end = True
        self._forget(worker)
        self.exits.append(Exit(worker.name, code, worker.last_words()))
        self._timeline.add("worker-ended-by-itself", worker=worker.name, exit_code=code, reason=worker.last_words())
        if worker.build is self._build and not self._is_closing.wait(_RESTART_SECONDS):
            self.start(worker.roles, worker.build)

"""Real model servers as processes of an environment of their own; see `ops/setup/remote.sh`."""

from __future__ import annotations

import os
import subprocess
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ops.local.child import Child, start_child
from ops.local.ports import LOOPBACK, ReservedPort

READY_SECONDS: Final = 180.0
STOP_SECONDS: Final = 15.0
_HERE: Final = Path(__file__).parent
_LIBRARIES: Final = "import sysconfig; print(sysconfig.get_config_var('LIBDIR') or '')"


@dataclass(frozen=True, slots=True)
class ServerEnvironment:
    """A virtual environment with the servers."""

    folder: Path

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.folder / "bin" / "python")

    def variables(self) -> Mapping[str, str]:
        """Return variables of its processes: Triton's Python stub looks for the interpreter's library."""
        found = subprocess.run([self.python, "-c", _LIBRARIES], capture_output=True, text=True, check=True, timeout=60)
        libraries = (found.stdout.strip(), os.environ.get("LD_LIBRARY_PATH", ""))
        return {"LD_LIBRARY_PATH": ":".join(filter(None, libraries))}

    def run(self, script: str, *arguments: str) -> str:
        """Run a script of this folder to its end; returns what it printed."""
        command = [self.python, "-P", str(_HERE / script), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | self.variables())
        return done.stdout


class RealServer:
    """A server that can be killed and started again at the same ports.

    Args:
        environment: that has it.
        script: of this folder.
        num_ports: that it listens on; they are its first arguments.
        arguments: the others.
    """

    def __init__(self, environment: ServerEnvironment, script: str, num_ports: int, *arguments: str) -> None:
        self._environment = environment
        self._script = script
        self._arguments = arguments
        self._ports = [ReservedPort() for _ in range(num_ports)]
        self._folder = tempfile.TemporaryDirectory()
        self._child: Child | None = None

    def url(self, scheme: str, port: int = 0) -> str:
        """Return the address of one of its ports."""
        return f"{scheme}://{LOOPBACK}:{self._ports[port].number}"

    def start(self) -> None:
        """Start it, without waiting until it answers."""
        ports = (str(port.number) for port in self._ports)
        self._child = start_child(
            self._script,
            [self._environment.python, "-P", str(_HERE / self._script), *ports, *self._arguments],
            log_path=Path(self._folder.name) / "server.log",
            environment=os.environ | self._environment.variables(),
            working_dir=Path(self._folder.name),
        )

    def await_ready(self, is_ready: Callable[[], bool]) -> None:
        """Wait until it answers. Raises ChildDied or TimeoutError."""
        assert self._child is not None
        self._child.await_ready(is_ready, READY_SECONDS)

    def cpu_seconds(self) -> float:
        """Return the CPU time of its first process so far."""
        assert self._child is not None
        return self._child.cpu_seconds()

    def kill(self) -> None:
        """End it without a chance to finish, with all processes that it started."""
        assert self._child is not None
        kill_tree(self._child)

    def close(self) -> None:
        """End it, and release its ports."""
        if self._child is not None:
            self.kill()
        for port in self._ports:
            port.close()
        self._folder.cleanup()


def kill_tree(child: Child) -> None:
    """Send SIGKILL to a process and all its descendants."""
    import psutil

    try:
        others = psutil.Process(child.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        others = []
    child.kill()
    for other in others:
        try:
            other.kill()
        except psutil.NoSuchProcess:
            continue


def answers_ok(url: str) -> bool:
    """Return whether a server of this machine answers a request with success."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - an address made here
            return bool(answer.status == 200)
    except OSError:
        return False


def text_of(url: str) -> str:
    """Return what a server of this machine answers. Raises OSError if it does not, or with an error."""
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - an address made here
        return str(answer.read().decode())


@contextmanager
def running(server: RealServer, is_ready: Callable[[], bool]) -> Iterator[RealServer]:
    """Start a server, wait until it answers, and end it."""
    try:
        server.start()
        server.await_ready(is_ready)
        yield server
    finally:
        server.close()

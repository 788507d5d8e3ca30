"""A Redis with a replica, behind one address that follows anyone who is primary."""

from __future__ import annotations

import time
from pathlib import Path

import redis

from ops.local.lifetime import Lifetime
from ops.local.redis_server import RedisServer
from tests.chaos.world.proxy import Proxy

_SYNC_SECONDS = 300.0
_LOOK_SECONDS = 0.1


class ReplicatedStore(Lifetime):
    """Two servers with append-only files; `url` is that of the proxy before the primary.

    Args:
        folder: an empty folder of its own.
    """

    def __init__(self, folder: Path) -> None:
        self.primary = RedisServer(folder / "one", persistent=True)
        self.replica = RedisServer(folder / "two", persistent=True)
        self.proxy: Proxy | None = None
        self._folder = folder

    @property
    def url(self) -> str:
        """What workers are told; it leads to another server after a failover."""
        return f"redis://{self._behind.address}/0"

    @property
    def direct_url(self) -> str:
        """The primary itself, whatever the network before it is like."""
        return self.primary.url

    def open(self) -> None:
        """Start both, and wait until the replica follows."""
        for name in ("one", "two"):
            (self._folder / name).mkdir(parents=True)
        self.primary.open()
        self.replica.open()
        self.proxy = Proxy(self.primary.address)
        self.proxy.open()
        self._follow()

    def close(self) -> None:
        """Stop everything."""
        if self.proxy is not None:
            self.proxy.close()
        self.replica.close()
        self.primary.close()

    def restart_primary(self) -> None:
        """Bring the primary back from its append-only file; the replica follows it again by itself."""
        self.primary.restart()
        self.await_replica()

    def fail_over(self) -> None:
        """SIGKILL the primary and promote the replica. Writes that had not reached it are lost, as in production."""
        self.primary.kill()
        with redis.Redis.from_url(self.replica.url) as client:
            client.replicaof("NO", "ONE")
        self.primary, self.replica = self.replica, self.primary
        self._behind.lead_to(self.primary.address)

    def bring_back_replica(self) -> None:
        """Start the former primary as the replica of the present one, and wait until it follows."""
        self.replica.restart()
        self._follow()

    def await_replica(self) -> None:
        """Wait until the replica has everything. Raises TimeoutError."""
        give_up = time.monotonic() + _SYNC_SECONDS
        with redis.Redis.from_url(self.replica.url) as client:
            while time.monotonic() < give_up:
                if client.info("replication").get("master_link_status") == "up":
                    return
                time.sleep(_LOOK_SECONDS)
        raise TimeoutError(f"the replica did not follow within {_SYNC_SECONDS:g} s")

    def _follow(self) -> None:
        host, _, port = self.primary.address.rpartition(":")
        with redis.Redis.from_url(self.replica.url) as client:
            client.replicaof(host, port)
        self.await_replica()

    @property
    def _behind(self) -> Proxy:
        if self.proxy is None:
            raise RuntimeError("the store is not open")
        return self.proxy

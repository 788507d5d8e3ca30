"""Everything that is attacked: three brokers, a store with a replica, workers, and the network between them.

Nothing in here touches a process or an address that this world did not start itself.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from ops.assets.cache import default_cache_dir
from ops.local.kafka_node import ListenerSpec, NodeExtras
from ops.local.kafka_server import KafkaCluster
from ops.local.lifetime import Lifetime
from tests.chaos.timeline import Timeline
from tests.chaos.world.fleet import Fleet
from tests.chaos.world.proxy import GOOD, Network, Proxy
from tests.chaos.world.store import ReplicatedStore
from tests.chaos.world.worker import PRESENT, PRODUCT, Build, Worker

NUM_BROKERS: Final = 3
PROXIED: Final = NodeExtras({"PROXIED": ListenerSpec("PLAINTEXT", is_proxied=True)})
"""One more listener a broker: its clients talk to our proxy."""
TIMEOUT_SECONDS: Final = 900.0
"""For whatever has to come on a machine under load; nothing is judged by how long it took."""
_VICTIM_SECONDS = 120.0
_LOOK_SECONDS = 0.5
_ASK_SECONDS = 10.0


class World(Lifetime):
    """Opened, it serves; workers are started by anyone who runs the chaos.

    Args:
        folder: an empty folder of its own.
        timeline: told of all that happens.
        partitions: of each topic.
        build: what workers are started from.
        environment: settings on top of the world's own.
    """

    def __init__(
        self,
        folder: Path,
        timeline: Timeline,
        *,
        partitions: int,
        build: Build = PRESENT,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.timeline = timeline
        self.kafka = KafkaCluster(folder / "kafka", default_cache_dir(), NUM_BROKERS, extras=PROXIED)
        self.store = ReplicatedStore(folder / "redis")
        self.fleet = Fleet(folder / "workers", timeline, build)
        self.kafka_proxies: dict[int, Proxy] = {}
        self.broker_lock = threading.Lock()
        """Held while a broker is down: two of three are needed for writes."""
        self.store_lock = threading.Lock()
        """Held while the store is down or fails over."""
        self.network_lock = threading.Lock()
        """Held while the network is bad."""
        self.older_lock = threading.Lock()
        """Held while a worker of an older release works next to the present ones."""
        self.is_closing = threading.Event()
        self._partitions = partitions
        self._environment = environment or {}
        self._opened = ExitStack()

    @property
    def bootstrap_servers(self) -> str:
        """The brokers themselves, whatever the network before them is like."""
        return self.kafka.bootstrap_servers

    def open(self) -> None:
        """Start servers and proxies, and create the topics."""
        self._opened.enter_context(self.store)
        self._opened.enter_context(self.kafka)
        for node_id, listener in self.kafka.listeners("PROXIED").items():
            proxy = Proxy(listener.port.address, listener.advertised_port.number)
            self.kafka_proxies[node_id] = self._opened.enter_context(proxy)
        self.timeline.add("servers-ready", brokers=self.kafka.bootstrap_servers, store=self.store.direct_url)
        self.command("topics", "create", f"--partitions={self._partitions}", f"--replication={NUM_BROKERS}")
        self.fleet.open(self._settings(self._proxied_servers(), self.store.url))

    def close(self) -> None:
        """Stop all of it."""
        self.is_closing.set()
        self.fleet.close()
        self._opened.close()

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `vidsignal`, past the bad network, and return how it ended and what it said."""
        environment = {**os.environ, **self._settings(self.bootstrap_servers, self.store.direct_url)}
        command = [sys.executable, "-m", "ops.cli", *words]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, cwd=PRODUCT, check=False
        )
        said = (done.stdout + done.stderr)[-400:]
        self.timeline.add("command", words=" ".join(words), exit_code=done.returncode, said=said)
        return done

    def make_network(self, network: Network) -> None:
        """Between workers and all servers."""
        for proxy in self.proxies():
            proxy.become(network)

    def proxies(self) -> list[Proxy]:
        """Those before the brokers, and that before the store."""
        assert self.store.proxy is not None
        return [*self.kafka_proxies.values(), self.store.proxy]

    def victims(self, chance: random.Random, number: int = 1) -> list[Worker]:
        """Choose workers that are at work; waits until there is one, and gives up after a while."""
        give_up = time.monotonic() + _VICTIM_SECONDS
        while time.monotonic() < give_up and not self.is_closing.is_set():
            ready = self.fleet.ready()
            if ready:
                return chance.sample(ready, min(number, len(ready)))
            time.sleep(_LOOK_SECONDS)
        return []

    def restart_broker(self, node_id: int) -> None:
        """Start a broker that is down, and wait until every partition has all its copies again."""
        with_timeout(lambda: self.kafka.restart(node_id))
        self.await_in_sync()

    def await_in_sync(self) -> None:
        """Wait until no partition misses a copy. Raises TimeoutError."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0})
        give_up = time.monotonic() + TIMEOUT_SECONDS
        while not _is_in_sync(admin):
            if time.monotonic() > give_up:
                raise TimeoutError("some partition still misses a copy")
            time.sleep(_LOOK_SECONDS)

    @contextmanager
    def older_meanwhile(self) -> Iterator[None]:
        """Within, a worker of an older release may live; one such time after another."""
        with self.older_lock:
            self.timeline.add("older-worker-began")
            try:
                yield
            finally:
                self.timeline.add("older-worker-ended")

    def heal(self) -> None:
        """Undo what is left of any fault: every server runs, the network is good, no worker is stopped."""
        self.make_network(GOOD)
        for worker in list(self.fleet.workers):
            worker.clock.jump(0.0)
            if worker.is_stopped:
                worker.resume()
        with self.broker_lock:
            for node_id in self.kafka.node_ids:
                if not self.kafka.is_running(node_id) or self.kafka.child(node_id).exit_code is not None:
                    with_timeout(lambda node_id=node_id: self.kafka.restart(node_id))  # type: ignore[misc]
            self.await_in_sync()

    def _proxied_servers(self) -> str:
        return ",".join(proxy.address for proxy in self.kafka_proxies.values())

    def _settings(self, brokers: str, store_url: str) -> dict[str, str]:
        return {
            "VIDSIGNAL_KAFKA_BOOTSTRAP_SERVERS": brokers,
            "VIDSIGNAL_REDIS_URL": store_url,
            "VIDSIGNAL_LOG_FORMAT": "json",
            "VIDSIGNAL_DRAIN_TIMEOUT_SECONDS": "5",
            "VIDSIGNAL_TOMBSTONE_REPEAT_SECONDS": "20",  # longer than that drain and what a stop may take next to it
            "VIDSIGNAL_ENGAGEMENT_SUMMARY_INTERVAL_SECONDS": "5",
            "VIDSIGNAL_AUDIT_INTERVAL_SECONDS": "0",  # what only an audit mends has to be seen
            "VIDSIGNAL_SPOOL_DIR": str(self.folder / "spool"),
            "VIDSIGNAL_TORCH_THREADS": "1",
            "VIDSIGNAL_DECODE_PROCESSES": "1",
            "OMP_NUM_THREADS": "1",
            **self._environment,
        }


def with_timeout(start: Callable[[], Any]) -> None:
    """Try to start something until it serves; servers of a machine under load may need more than one try."""
    give_up = time.monotonic() + TIMEOUT_SECONDS
    while True:
        try:
            start()
        except TimeoutError:
            if time.monotonic() > give_up:
                raise
        else:
            return


def _is_in_sync(admin: AdminClient) -> bool:
    try:
        topics = admin.list_topics(timeout=_ASK_SECONDS).topics.values()
    except KafkaException:
        return False
    partitions = [partition for topic in topics for partition in topic.partitions.values()]
    return bool(partitions) and all(len(partition.isrs) == len(partition.replicas) for partition in partitions)

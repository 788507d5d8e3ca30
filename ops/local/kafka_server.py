"""A real Apache Kafka of one or three nodes (KRaft, no ZooKeeper), on free loopback ports."""

from __future__ import annotations

import base64
import uuid
from pathlib import Path
from typing import Any, Final, Literal

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from ops.local.child import Child
from ops.local.kafka_jars import fetch_jars
from ops.local.kafka_node import KafkaNode, Listener, NodeExtras
from ops.local.lifetime import Lifetime

NumBrokers = Literal[1, 3]
_READY_SECONDS = 180.0
_ASK_SECONDS = 2.0
_NO_EXTRAS: Final = NodeExtras()


class KafkaCluster(Lifetime):
    """A cluster that keeps its addresses from `open` to `close`, whatever happens to its nodes in between.

    With three nodes every topic has three replicas and a write is confirmed by two, so one node may fail.

    Args:
        folder: its own empty folder.
        cache_dir: folder of Kafka's jars, which are fetched if missing.
        brokers: 1 or 3.
        extras: options of each node in addition to a listener for everybody.
    """

    def __init__(
        self,
        folder: Path,
        cache_dir: Path,
        brokers: NumBrokers = 1,
        extras: NodeExtras = _NO_EXTRAS,
    ) -> None:
        self._folder = folder
        self._cache_dir = cache_dir
        self._num_brokers = brokers
        self._extras = extras
        self._nodes: dict[int, KafkaNode] = {}

    @property
    def bootstrap_servers(self) -> str:
        """`host:port` of every node, separated by commas."""
        return ",".join(node.broker_port.address for node in self._nodes.values())

    def listeners(self, name: str) -> dict[int, Listener]:
        """An extra listener by node id."""
        return {node.node_id: node.listeners[name] for node in self._nodes.values()}

    def servers(self, name: str) -> str:
        """Return the addresses of an extra listener: `host:port` of every node, separated by commas."""
        return ",".join(listener.advertised_port.address for listener in self.listeners(name).values())

    @property
    def administration(self) -> dict[str, Any]:
        """Configuration of a librdkafka client with all rights."""
        return {"bootstrap.servers": self.bootstrap_servers, **self._extras.administration}

    @property
    def node_ids(self) -> tuple[int, ...]:
        """Node ids for `kill`, `restart`, `pause` and `resume`."""
        return tuple(self._nodes)

    @property
    def children(self) -> tuple[Child, ...]:
        """The processes of all nodes that were not killed through this class."""
        return tuple(node.child for node in self._nodes.values() if node.is_running)

    def open(self) -> None:
        """Format, start and wait until every node serves; fetches missing jars.

        Raises:
            KafkaUnavailable: the jars cannot be fetched.
            ChildDied: a node ended while it started.
        """
        jars = fetch_jars(self._cache_dir)
        for node_id in range(1, self._num_brokers + 1):
            self._nodes[node_id] = KafkaNode(node_id, self._folder / f"node-{node_id}", jars, self._extras)
        cluster_id = _random_cluster_id()
        for node in self._nodes.values():
            node.prepare(cluster_id, list(self._nodes.values()))
        for node in self._nodes.values():
            node.start()
        self.await_serving()

    def close(self) -> None:
        """Stop all nodes and release their ports."""
        # The last one of three would wait for a quorum in vain; nothing is kept, so the nodes are killed.
        for node in self._nodes.values():
            if node.is_running and self._num_brokers > 1:
                node.kill()
        for node in self._nodes.values():
            node.close()
        self._nodes.clear()

    def kill(self, node_id: int) -> None:
        """SIGKILL one node; its log stays for `restart`."""
        self._nodes[node_id].kill()

    def restart(self, node_id: int) -> None:
        """Start a node on its old log and wait until it serves; kills it first if it runs."""
        node = self._nodes[node_id]
        if node.is_running:
            node.kill()
        node.start()
        self.await_serving()

    def child(self, node_id: int) -> Child:
        """The process of a node that runs."""
        return self._nodes[node_id].child

    def is_running(self, node_id: int) -> bool:
        """Whether a node was started and not killed since; a paused one counts as running."""
        return self._nodes[node_id].is_running

    def pause(self, node_id: int) -> None:
        """Send SIGSTOP to one node: it keeps its connections and answers nothing."""
        self._nodes[node_id].child.pause()

    def resume(self, node_id: int) -> None:
        """Send SIGCONT to one node; it rejoins by itself, `await_serving` waits for that."""
        self._nodes[node_id].child.resume()

    def await_serving(self) -> None:
        """Wait until every node that runs is a registered broker of the cluster.

        Raises:
            ChildDied: one ended meanwhile.
            TimeoutError: not after three minutes.
        """
        running = {node.node_id: node for node in self._nodes.values() if node.is_running}
        admin = AdminClient({**self.administration, "log_level": 0})
        for node in running.values():
            node.child.await_ready(lambda: _registered(admin) >= running.keys(), _READY_SECONDS)

    def cpu_seconds(self) -> float:
        """Return user and system time of the running nodes; without killed nodes."""
        return sum(node.child.cpu_seconds() for node in self._nodes.values() if node.is_running)


def _registered(admin: AdminClient) -> set[int]:
    """Return the ids of the brokers in the cluster's metadata, without dead and fenced ones."""
    try:
        return set(admin.list_topics(timeout=_ASK_SECONDS).brokers)
    except KafkaException:
        return set()


def _random_cluster_id() -> str:
    """Return 22 characters of URL-safe base64, Kafka's format of UUIDs."""
    return "k" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode("ascii").rstrip("=")[1:]

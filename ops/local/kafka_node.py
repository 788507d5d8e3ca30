"""One Kafka node in combined mode (broker and controller in one process): its properties and its process."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from ops.local.child import Child, start_child
from ops.local.kafka_jars import KafkaUnavailable
from ops.local.ports import ReservedPort
from ops.local.private_files import write_private

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""Higher than every topic's own limit, so that the topic's configuration decides."""
_INNER: Final = "INTERNAL"
_STOP_SECONDS = 20.0
_FORMAT_SECONDS = 180.0
# For many short runs on a small machine: no optimising compiler, no collector threads.
_JVM = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Dlog4j2.level=WARN")
# Kafka's reservations for a large machine (128 MiB for compaction alone, 50 partitions of offsets) are reduced, and
# waits (the first rebalance, the smallest session) are shortened. Durability is as in production.
_SMALL_MACHINE = {
    "group.initial.rebalance.delay.ms": 0,
    "group.min.session.timeout.ms": 1000,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.num.partitions": 4,
    "log.cleaner.dedupe.buffer.size": 8 * 1024 * 1024,
    "log.cleaner.backoff.ms": 1000,
    "num.network.threads": 2,
    "num.io.threads": 4,
    "background.threads": 2,
}


@dataclass(frozen=True, slots=True)
class ListenerSpec:
    """A listener of a node in addition to the one between nodes."""

    protocol: str
    """`PLAINTEXT`, `SSL`, `SASL_SSL` or `SASL_PLAINTEXT`."""
    is_proxied: bool = False
    """Whether clients get another port than the node's, on which a proxy must listen."""


@dataclass(frozen=True, slots=True)
class NodeExtras:
    """Options of a node in addition to a single listener for everybody."""

    listeners: Mapping[str, ListenerSpec] = field(default_factory=dict)
    """By name, in capitals."""
    inner_protocol: Literal["PLAINTEXT", "SSL"] = "PLAINTEXT"
    """Protocol between nodes, and of `KafkaCluster.bootstrap_servers`."""
    properties: Mapping[str, object] = field(default_factory=dict)
    format_arguments: Sequence[str] = ()
    """Arguments of the tool that formats a node's log."""
    administration: Mapping[str, Any] = field(default_factory=dict)
    """What a librdkafka client needs in addition to `bootstrap.servers` to have all rights at the listener between
    nodes."""


@dataclass(frozen=True, slots=True)
class Listener:
    """One listener of a running node."""

    port: ReservedPort
    """The port on which the node listens."""
    advertised_port: ReservedPort
    """The port that it advertises; the same unless it is proxied."""

    @classmethod
    def reserved(cls, spec: ListenerSpec) -> Listener:
        """Return a listener with its own ports."""
        port = ReservedPort()
        return cls(port, ReservedPort() if spec.is_proxied else port)

    def close(self) -> None:
        """Release the ports."""
        for port in {self.port, self.advertised_port}:
            port.close()


class KafkaNode:
    """One broker of a local cluster.

    Args:
        node_id: 1, 2, 3, ...
        folder: its own folder; its log survives `kill`.
        jars: Kafka's libraries.
        extras: more listeners and properties.
    """

    def __init__(self, node_id: int, folder: Path, jars: Path, extras: NodeExtras) -> None:
        self.node_id = node_id
        self._folder = folder
        self._class_path = f"{jars}/*"
        self.broker_port = ReservedPort()
        self.controller_port = ReservedPort()
        self._extras = extras
        self.listeners = {name: Listener.reserved(spec) for name, spec in extras.listeners.items()}
        self._child: Child | None = None

    @property
    def child(self) -> Child:
        """The running process."""
        if self._child is None:
            raise RuntimeError(f"Kafka node {self.node_id} is not running: never started, killed or closed")
        return self._child

    @property
    def is_running(self) -> bool:
        """Whether it was started and not killed or closed since; a paused node counts as running."""
        return self._child is not None

    def prepare(self, cluster_id: str, voters: Sequence[KafkaNode]) -> None:
        """Write the properties and format the log folder.

        Raises:
            KafkaUnavailable: Kafka rejected the properties; the message contains its output.
        """
        self._folder.mkdir(parents=True)
        settings = self._settings(voters)
        lines = [f"{key}={value}\n" for key, value in settings.items()]
        write_private(self._properties_path, "".join(lines).encode())
        self._format(cluster_id)

    def start(self) -> None:
        """Start the process; it is not ready yet."""
        command = ["java", *_JVM, "-cp", self._class_path, "kafka.Kafka", str(self._properties_path)]
        log_path = self._folder / "broker.log"
        self._child = start_child(f"Kafka node {self.node_id}", command, log_path=log_path, working_dir=self._folder)

    def kill(self) -> None:
        """SIGKILL."""
        self.child.kill()
        self._child = None

    def close(self) -> None:
        """Stop and release the ports."""
        if self._child is not None:
            self._child.stop(_STOP_SECONDS)
            self._child = None
        self.broker_port.close()
        self.controller_port.close()
        for listener in self.listeners.values():
            listener.close()

    @property
    def _properties_path(self) -> Path:
        return self._folder / "node.properties"

    def _settings(self, voters: Sequence[KafkaNode]) -> dict[str, object]:
        replicas, needed = len(voters), min(2, len(voters))
        return {
            "process.roles": "broker,controller",
            "node.id": self.node_id,
            "controller.quorum.voters": ",".join(f"{v.node_id}@{v.controller_port.address}" for v in voters),
            **self._listeners(),
            "log.dirs": self._folder / "log",
            "auto.create.topics.enable": "false",
            "default.replication.factor": replicas,
            "min.insync.replicas": needed,
            "offsets.topic.replication.factor": replicas,
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": needed,
            "message.max.bytes": MAX_MESSAGE_BYTES,
            "replica.fetch.max.bytes": MAX_MESSAGE_BYTES,
            **_SMALL_MACHINE,
            **self._extras.properties,
        }

    def _listeners(self) -> dict[str, object]:
        inner = self._extras.inner_protocol
        ports = {_INNER: self.broker_port, **{name: one.port for name, one in self.listeners.items()}}
        advertised = ports | {name: one.advertised_port for name, one in self.listeners.items()}
        protocols = {name: spec.protocol for name, spec in self._extras.listeners.items()}
        protocols |= {"CONTROLLER": inner, _INNER: inner}
        return {
            "listeners": f"{_spelled(ports)},CONTROLLER://{self.controller_port.address}",
            "advertised.listeners": _spelled(advertised),
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": _INNER,
            "listener.security.protocol.map": ",".join(f"{name}:{kind}" for name, kind in protocols.items()),
        }

    def _format(self, cluster_id: str) -> None:
        tool = ["java", *_JVM, "-cp", self._class_path, "kafka.tools.StorageTool"]
        outcome = subprocess.run(
            [*tool, "format", "-t", cluster_id, "-c", str(self._properties_path), *self._extras.format_arguments],
            capture_output=True,
            text=True,
            timeout=_FORMAT_SECONDS,
            check=False,
        )
        if outcome.returncode != 0:
            said = outcome.stdout + outcome.stderr
            raise KafkaUnavailable(f"Kafka node {self.node_id} could not be formatted:\n{said}")


def _spelled(places: Mapping[str, ReservedPort]) -> str:
    return ",".join(f"{name}://{port.address}" for name, port in places.items())

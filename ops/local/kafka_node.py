"""One Kafka node in combined mode (broker and controller in one process): its properties and its process."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.local.child import Child, start_child
from ops.local.kafka_jars import KafkaUnavailable
from ops.local.kafka_security import GUARDED_PROTOCOLS, GuardedProtocol, KafkaSecurity
from ops.local.ports import ReservedPort
from ops.local.private_files import write_private

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""Above every topic's own limit, so that the topic table decides."""
_PROXIED = "PROXIED"
_STOP_SECONDS = 20.0
_FORMAT_SECONDS = 180.0
# Many short lives on a small machine: no optimising compiler, no collector threads.
_JVM = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Dlog4j2.level=WARN")
# What Kafka reserves for a big machine (128 MiB for compaction alone, 50 partitions of offsets) is cut down, and what
# makes a test wait (the first rebalance, the smallest session) is shortened. Durability is left as in production.
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
class ProxiedListener:
    """A listener whose clients are sent to a proxy, so that the proxy sees all that they say."""

    port: ReservedPort
    """Where the node listens, and the proxy connects to."""
    advertised_port: ReservedPort
    """Where the proxy has to listen."""


class KafkaNode:
    """One broker of a local cluster.

    Args:
        node_id: 1, 2, 3, ...
        folder: a folder of its own; its log survives `kill`.
        jars: Kafka's libraries.
        security: guards the node; None lets everybody in.
        is_proxied: it has one more listener, which tells its clients the address of a proxy.
    """

    def __init__(
        self, node_id: int, folder: Path, jars: Path, security: KafkaSecurity | None = None, *, is_proxied: bool = False
    ) -> None:
        self.node_id = node_id
        self._folder = folder
        self._class_path = f"{jars}/*"
        self.broker_port = ReservedPort()
        self.controller_port = ReservedPort()
        self._security = security
        guarded = GUARDED_PROTOCOLS if security else ()
        self._guarded_ports: dict[str, ReservedPort] = {name: ReservedPort() for name in guarded}
        self.proxied = ProxiedListener(ReservedPort(), ReservedPort()) if is_proxied else None
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

    def guarded_address(self, protocol: GuardedProtocol) -> str:
        """`host:port` for clients that speak a protocol; only a guarded node has one."""
        return self._guarded_ports[protocol].address

    def prepare(self, cluster_id: str, voters: Sequence[KafkaNode]) -> None:
        """Write the properties and format the log folder.

        Raises:
            KafkaUnavailable: Kafka refused the properties; the message holds what it said.
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
        """Stop and give the ports back."""
        if self._child is not None:
            self._child.stop(_STOP_SECONDS)
            self._child = None
        self.broker_port.close()
        self.controller_port.close()
        for port in self._guarded_ports.values():
            port.close()
        if self.proxied is not None:
            self.proxied.port.close()
            self.proxied.advertised_port.close()

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
            **(self._security.properties() if self._security else {}),
        }

    def _listeners(self) -> dict[str, object]:
        inner = "INTERNAL" if self._security else "PLAINTEXT"
        inner_protocol = "SSL" if self._security else "PLAINTEXT"
        places: dict[str, ReservedPort] = {inner: self.broker_port, **self._guarded_ports}
        advertised = dict(places)
        if self.proxied is not None:
            places[_PROXIED], advertised[_PROXIED] = self.proxied.port, self.proxied.advertised_port
        protocols: dict[str, str] = {"CONTROLLER": inner_protocol, inner: inner_protocol}
        protocols |= {name: name for name in GUARDED_PROTOCOLS}
        protocols[_PROXIED] = "PLAINTEXT"
        return {
            "listeners": f"{_spelled(places)},CONTROLLER://{self.controller_port.address}",
            "advertised.listeners": _spelled(advertised),
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": inner,
            "listener.security.protocol.map": ",".join(f"{name}:{kind}" for name, kind in protocols.items()),
        }

    def _format(self, cluster_id: str) -> None:
        tool = ["java", *_JVM, "-cp", self._class_path, "kafka.tools.StorageTool"]
        users = self._security.format_arguments() if self._security else []
        outcome = subprocess.run(
            [*tool, "format", "-t", cluster_id, "-c", str(self._properties_path), *users],
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

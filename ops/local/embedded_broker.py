"""A broker for demonstrations without installation: the mock cluster of librdkafka, as a child process.

It speaks the Kafka protocol over TCP to any client, but it is a test double. Limitations (tested with librdkafka
2.16.0):

- nothing survives the process;
- a partition keeps its newest 5 MiB, whatever the topic's configuration: older records are removed, the low watermark
  moves, and a reader that is too late gets OFFSET_OUT_OF_RANGE;
- a record that replaces all earlier ones is confirmed to its producer and removed at once, which cannot happen if no
  record is larger than half of what a partition keeps;
- topics are created when first named, always with 4 partitions; there is no topic administration and no compaction.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType

from confluent_kafka import Producer

from ops.local.child import Child, start_child
from ops.local.lifetime import Lifetime

PARTITIONS = 4
"""Of every topic; the mock cluster cannot be configured otherwise."""
RETAINED_BYTES = 5 * 1024 * 1024
"""Of each partition, approximately."""
SAFE_RECORD_BYTES = RETAINED_BYTES // 2
"""A confirmed record up to this size can be read until newer ones replace it."""
NOTICE = (
    "embedded broker: for demonstrations only. Nothing is durable, a partition keeps its newest 5 MiB (records above "
    "2.5 MiB may be lost at once), every topic has 4 partitions, and topics cannot be administered."
)
_READY_SECONDS = 90.0
_STOP_SECONDS = 5.0


class EmbeddedBroker(Lifetime):
    """The broker as a child process; its address is known once it is open.

    Args:
        folder: its own folder, for its log.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._child: Child | None = None
        self.bootstrap_servers = ""

    @property
    def child(self) -> Child:
        """The running process."""
        if self._child is None:
            raise RuntimeError("the embedded broker is not open")
        return self._child

    @property
    def children(self) -> tuple[Child, ...]:
        """The same, as for a cluster."""
        return (self.child,)

    def open(self) -> None:
        """Start and wait for the address."""
        self._folder.mkdir(parents=True, exist_ok=True)
        address_path = self._folder / "address"
        command = [sys.executable, "-P", "-m", __name__, str(address_path)]
        self._child = start_child("the embedded broker", command, log_path=self._folder / "broker.log")
        self._child.await_ready(address_path.exists, _READY_SECONDS)
        self.bootstrap_servers = address_path.read_text(encoding="ascii")

    def close(self) -> None:
        """Stop; its records are lost."""
        if self._child is not None:
            self._child.stop(_STOP_SECONDS)
            self._child = None

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        return self.child.cpu_seconds()


def main(arguments: list[str]) -> None:
    """Run the broker until standard input closes, SIGTERM or Ctrl-C; print its address.

    Args:
        arguments: nothing, or the path of a file for the address.
    """
    signal.signal(signal.SIGTERM, _exit_quietly)
    signal.signal(signal.SIGINT, _exit_quietly)
    # Warnings only: the mock cluster logs every client that leaves as a lost connection.
    cluster = Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 1, "log_level": 4})
    address = _address_of(cluster)
    print(NOTICE, file=sys.stderr)
    print(address, flush=True)
    if arguments:
        _write_at_once(Path(arguments[0]), address)
    sys.stdin.buffer.read()


def _address_of(cluster: Producer) -> str:
    broker = next(iter(cluster.list_topics(timeout=_READY_SECONDS).brokers.values()))
    return f"{broker.host}:{broker.port}"


def _write_at_once(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="ascii")
    partial.rename(path)


def _exit_quietly(signal_number: int, frame: FrameType | None) -> None:
    del signal_number, frame
    sys.exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])

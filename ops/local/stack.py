"""The local stack: a broker and a store on this machine, for the lifetime of one process."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Literal, Self

from ops.assets.cache import default_cache_dir
from ops.local.embedded_broker import EmbeddedBroker
from ops.local.kafka_server import KafkaCluster, NumBrokers
from ops.local.redis_server import RedisServer
from ops.local.scratch import scratch_dir

KafkaKind = Literal["real", "embedded"]


class LocalStack:
    """A context manager; inside it `bootstrap_servers` and `redis_url` answer, after it nothing runs.

    This also holds after an exception and Ctrl-C, and on Linux when this process is killed: its children die with it,
    and the next stack removes its folder.

    Args:
        kafka: `real` is Apache Kafka (needs Java and Maven), `embedded` a test double without requirements.
        brokers: nodes of a real Kafka.
        redis_url: a running Redis; None starts one.
        cache_dir: folder of Kafka's jars; None is the usual cache.
    """

    def __init__(
        self,
        kafka: KafkaKind = "embedded",
        brokers: NumBrokers = 1,
        *,
        redis_url: str | None = None,
        cache_dir: Path | None = None,
    ) -> None:
        if kafka == "embedded" and brokers != 1:
            raise ValueError(f"the embedded broker is one broker, not {brokers}; kafka='real' can have 3")
        self._kind = kafka
        self._num_brokers: NumBrokers = brokers
        self._redis_url = redis_url
        self._cache_dir = cache_dir or default_cache_dir()
        self._open_parts = ExitStack()
        self._kafka: KafkaCluster | EmbeddedBroker | None = None
        self._redis: RedisServer | None = None
        """None if it was not started here."""

    @property
    def kafka(self) -> KafkaCluster | EmbeddedBroker:
        """The broker, for callers that inject faults."""
        if self._kafka is None:
            raise RuntimeError("the local stack is not open")
        return self._kafka

    @property
    def bootstrap_servers(self) -> str:
        """Addresses for any Kafka client."""
        return self.kafka.bootstrap_servers

    @property
    def redis_url(self) -> str:
        """`redis://host:port/0`."""
        if self._redis_url is None:
            raise RuntimeError("the local stack is not open")
        return self._redis_url

    def require_alive(self) -> None:
        """Raise ChildDied if a part has ended without which the stack does not work: Redis, the embedded broker, or
        the majority of Kafka's nodes."""
        if self._redis is not None:
            self._redis.child.require_alive()
        nodes = self.kafka.children
        ended = [node for node in nodes if node.exit_code is not None]
        if 2 * len(ended) >= len(nodes):
            ended[0].require_alive()

    def environment(self) -> dict[str, str]:
        """The settings for workers and commands."""
        return {
            "VIDSIGNAL_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers,
            "VIDSIGNAL_REDIS_URL": self.redis_url,
            "VIDSIGNAL_IS_BROKER_EMBEDDED": "true" if self._kind == "embedded" else "false",
        }

    def __enter__(self) -> Self:
        with self._open_parts as opening:
            folder = opening.enter_context(scratch_dir())
            if self._redis_url is None:
                self._redis = opening.enter_context(RedisServer(folder / "redis"))
                self._redis_url = self._redis.url
            self._kafka = self._broker(folder / "kafka")
            opening.enter_context(self._kafka)
            self._open_parts = opening.pop_all()  # all parts are open: what is closed on failure is now closed at exit
        return self

    def __exit__(self, *failure: object) -> None:
        self._open_parts.close()

    def _broker(self, folder: Path) -> KafkaCluster | EmbeddedBroker:
        if self._kind == "embedded":
            return EmbeddedBroker(folder)
        return KafkaCluster(folder, self._cache_dir, self._num_brokers)

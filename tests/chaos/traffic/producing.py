"""A producer that loses nothing: idempotent, acks=all, and it waits for ever."""

from __future__ import annotations

from typing import Any

from confluent_kafka import KafkaError, Message, Producer

PRODUCER = {
    "acks": "all",
    "enable.idempotence": True,
    "partitioner": "murmur2_random",
    "message.timeout.ms": 0,
    "linger.ms": 5,
    "log_level": 0,
}
_FLUSH_SECONDS = 600.0


class LosslessProducer:
    """Counts what was sent and what the broker confirmed; belongs to one thread.

    Args:
        bootstrap_servers: the brokers.
    """

    def __init__(self, bootstrap_servers: str) -> None:
        settings: dict[str, Any] = {"bootstrap.servers": bootstrap_servers, **PRODUCER}
        self._producer = Producer(settings)
        self.num_sent = 0
        self.num_confirmed = 0
        self.refusals: list[str] = []

    def send(self, topic: str, key: str, value: bytes | None) -> None:
        """Send without waiting."""
        self.num_sent += 1
        self._producer.produce(topic, key=key, value=value, on_delivery=self._note)

    def poll(self, seconds: float) -> None:
        """Let confirmations arrive."""
        self._producer.poll(seconds)

    def flush(self) -> None:
        """Wait until all is confirmed. Raises RuntimeError where something was not."""
        left = self._producer.flush(_FLUSH_SECONDS)
        if left or self.refusals:
            raise RuntimeError(f"{left} records were not confirmed; refused: {self.refusals[:3]}")

    def _note(self, error: KafkaError | None, _: Message) -> None:
        if error is None:
            self.num_confirmed += 1
        else:
            self.refusals.append(str(error))

"""Publishing by commands: a record counts as published only when all in-sync replicas have it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas.counted import counted
from streams.config.settings import Settings
from streams.kafka.clients import BrokerUnavailable, producer_configuration, require_broker

CONFIRM_SECONDS: Final = 60.0
"""How long to wait for the last confirmations."""
_MOST_NAMED: Final = 3
_FULL_QUEUE_SECONDS: Final = 0.1
_BY_KEY: Final = -1
"""librdkafka's constant for a partition that the partitioner chooses."""


class NotConfirmed(BrokerUnavailable):
    """Some records were refused, or not confirmed in time; the message says how many, which and why."""


@dataclass(frozen=True, slots=True)
class OutgoingRecord:
    """A record to publish."""

    topic: str
    """Name at the broker, with the stack's prefix."""
    key: str | bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    on_report: Callable[[KafkaError | None, Message | None], None] | None = None
    """Called once with the broker's answer; without an error, the message has the offset."""
    partition: int | None = None
    """None: the key decides."""


def publish_confirmed(
    settings: Settings,
    records: Iterable[OutgoingRecord],
    *,
    timeout_seconds: float = CONFIRM_SECONDS,
    overrides: Mapping[str, Any] | None = None,
) -> int:
    """Publish records and return their number, once every one of them is confirmed.

    Args:
        settings: address of the broker.
        records: consumed one by one, so there may be more than fit into memory.
        timeout_seconds: for the last confirmations.
        overrides: librdkafka settings that differ from those of all our producers.

    Raises:
        BrokerUnavailable: no broker answers, and nothing was published.
        NotConfirmed: some records were refused or are unconfirmed.
    """
    require_broker(settings)
    producer = ConfirmingProducer(settings, overrides=overrides)
    for record in records:
        producer.send(record)
    producer.confirm(timeout_seconds)
    return producer.num_sent


class ConfirmingProducer:
    """A producer that remembers what the broker refused.

    Args:
        settings: address of the broker.
        overrides: librdkafka settings that differ from those of all our producers.
    """

    def __init__(self, settings: Settings, *, overrides: Mapping[str, Any] | None = None) -> None:
        self._producer = Producer({**producer_configuration(settings), **(overrides or {})})
        self._refusals: list[str] = []
        self._num_refused = 0
        self.num_sent = 0

    def send(self, record: OutgoingRecord) -> None:
        """Queue one record; waits while the client's queue is full."""
        self.num_sent += 1

        def report(error: KafkaError | None, message: Message | None) -> None:
            if error is not None:
                self._refuse(record, error.str())
            if record.on_report is not None:
                record.on_report(error, message)

        try:
            self._produce(record, report)
        except KafkaException as error:  # refused by the client itself, such as for its size
            report(error.args[0], None)
        self._producer.poll(0)

    def confirm(self, timeout_seconds: float = CONFIRM_SECONDS) -> None:
        """Return when everything that was queued is confirmed. Raises NotConfirmed."""
        num_waiting = self._producer.flush(timeout_seconds)
        if self._num_refused:
            told = "; ".join(self._refusals) + ("; ..." if self._num_refused > _MOST_NAMED else "")
            raise NotConfirmed(f"the broker refused {self._num_refused} of {counted(self.num_sent, 'record')}: {told}")
        if num_waiting:
            raise NotConfirmed(
                f"the broker did not confirm {num_waiting} of {counted(self.num_sent, 'record')} within"
                f" {timeout_seconds:g} s"
            )

    def _produce(self, record: OutgoingRecord, report: Callable[[KafkaError | None, Message | None], None]) -> None:
        while True:
            try:
                self._producer.produce(
                    record.topic,
                    key=record.key,
                    value=record.value,
                    headers=list(record.headers),
                    partition=_BY_KEY if record.partition is None else record.partition,
                    on_delivery=report,
                )
            except BufferError:
                self._producer.poll(_FULL_QUEUE_SECONDS)
            else:
                return

    def _refuse(self, record: OutgoingRecord, why: str) -> None:
        self._num_refused += 1
        if len(self._refusals) < _MOST_NAMED:
            key = record.key.decode("utf-8", "replace") if isinstance(record.key, bytes) else record.key
            self._refusals.append(f"{key!r} for {record.topic}: {why}")

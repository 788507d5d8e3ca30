"""Publishing: returns when the broker has confirmed, and waits forever for an unavailable broker."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from operators.internal_errors import SharedStateFault
from schemas.codec import encode
from schemas.topics import Topic
from streams.kafka.pending_produces import PendingProduces
from streams.kafka.renewable_producer import OnFailure, RenewableProducer, is_fatal
from streams.lifecycle.backoff import Backoff
from streams.lifecycle.clock import Clock, SystemClock
from streams.observability import metrics
from streams.observability.tracing import spans

Headers = Sequence[tuple[str, bytes]]

_ANY_PARTITION: Final = -1
"""librdkafka's constant: the partitioner decides."""
UNKNOWN_OFFSET: Final = -1
"""Offset of a record that was confirmed only when it was sent again, after the first confirmation was lost."""
_RECORD_OVERHEAD_BYTES: Final = 512
"""Space for a batch and a record's own fields, in addition to key, value and headers."""

_log = structlog.get_logger(__name__)


class PublisherFailed(SharedStateFault):
    """The producer ended by a fatal error, and no other can be created."""


class RecordTooLarge(Exception):
    """The record exceeds the topic's size limit; sending it again cannot help."""


class Publisher:
    """One idempotent producer for all roles of a worker.

    Delivery reports arrive on a thread that polls librdkafka, and are passed to the caller's event loop. A producer
    that ends by a fatal error is replaced, and its unconfirmed records are sent again; duplicates are harmless here.

    Args:
        configuration: of librdkafka; `streams.kafka.clients.producer_configuration` creates it.
        topic_prefix: prefix of every topic's name.
        clock: for waits between attempts.
        backoff: the waits between attempts.
        on_failure: called from another thread if delivery reports stop for good; the worker must exit then.
    """

    def __init__(
        self,
        configuration: Mapping[str, Any],
        topic_prefix: str = "",
        *,
        clock: Clock | None = None,
        backoff: Backoff | None = None,
        on_failure: OnFailure = lambda _error: None,
    ) -> None:
        self._topic_prefix = topic_prefix
        self._clock = clock or SystemClock()
        self._backoff = backoff or Backoff()
        self._producers = RenewableProducer(configuration, on_failure)
        self._unconfirmed = PendingProduces(self._clock)
        metrics.OLDEST_UNCONFIRMED_SECONDS.set_function(self._unconfirmed.oldest_seconds)

    async def publish(
        self, topic: Topic, key: str | bytes | None, event: Any, *, headers: Headers = (), partition: int | None = None
    ) -> int:
        """Return the record's offset when all in-sync replicas have it; `UNKNOWN_OFFSET` if the broker does not report
        it.

        Args:
            topic: the topic.
            key: decides the partition; text is sent as UTF-8.
            event: a struct of the topic, or bytes that are sent unchanged; None is a tombstone.
            headers: sent unchanged, in order.
            partition: overrides the key.

        Raises:
            RecordTooLarge: the topic does not accept a record of this size.
            PublisherFailed: no producer can be created.
        """
        value = event if event is None or isinstance(event, bytes) else encode(event)
        encoded_key = key.encode() if isinstance(key, str) else key
        _check_size(topic, encoded_key, value, headers)
        with spans.producing(topic, key=encoded_key), self._unconfirmed.waiting():
            return await self._send(topic, encoded_key, value, headers, partition)

    def is_answered(self, topic: Topic, timeout_seconds: float) -> bool:
        """Return whether a broker answers and knows the topic, and delivery reports arrive; blocks until then."""
        name = self._topic_prefix + topic.name
        if not self._producers.is_polling:
            return False
        try:
            found = self._producers.current().list_topics(name, timeout=timeout_seconds).topics[name]
        except KafkaException:
            return False
        return found.error is None

    async def close(self, timeout_seconds: float = 10.0) -> None:
        """Send queued records, as far as the time allows, and end the thread. May be repeated."""
        await asyncio.to_thread(self._producers.close, timeout_seconds)

    async def _send(
        self, topic: Topic, key: bytes | None, value: bytes | None, headers: Headers, partition: int | None
    ) -> int:
        started_seconds = self._clock.monotonic_seconds()
        for delay_seconds in self._backoff.delays():
            offset = await self._attempt(topic, key, value, headers, partition)
            if offset is not None:
                metrics.STAGE_SECONDS.labels("publish").observe(self._clock.monotonic_seconds() - started_seconds)
                metrics.EVENTS_OUT.labels(topic.name).inc()
                return offset
            metrics.RETRIES.labels("broker").inc()
            await self._clock.sleep(delay_seconds)
        raise AssertionError("delays never end")

    async def _attempt(
        self, topic: Topic, key: bytes | None, value: bytes | None, headers: Headers, partition: int | None
    ) -> int | None:
        """Send once; None if another attempt may help."""
        loop = asyncio.get_running_loop()
        report: asyncio.Future[KafkaError | int] = loop.create_future()
        producer = self._producer()
        try:
            producer.produce(
                self._topic_prefix + topic.name,
                value=value,
                key=key,
                headers=list(headers),
                partition=_ANY_PARTITION if partition is None else partition,
                on_delivery=lambda error, message: _report(loop, report, _offset(message) if error is None else error),
            )
        except BufferError:  # the producer's queue is full: the broker is slow or unavailable
            return None
        except KafkaException as failure:
            self._judge(producer, topic, failure.args[0], len(value or b""))
            return None
        answer = await report
        if isinstance(answer, int):
            return answer
        self._judge(producer, topic, answer, len(value or b""))
        return None

    def _producer(self) -> Producer:
        try:
            return self._producers.current()
        except KafkaException as error:
            raise PublisherFailed(str(error)) from error

    def _judge(self, producer: Producer, topic: Topic, error: KafkaError, value_bytes: int) -> None:
        """Raise if no other attempt can help."""
        if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            raise RecordTooLarge(f"the broker refused a value of {value_bytes} bytes for {topic.name}: {error.str()}")
        _log.warning("publish failed; retrying", topic=topic.name, error=error.str())
        if is_fatal(error):
            self._producers.retire(producer)


def _check_size(topic: Topic, key: bytes | None, value: bytes | None, headers: Headers) -> None:
    header_bytes = sum(len(name) + len(content) for name, content in headers)
    size = len(value or b"") + len(key or b"") + header_bytes + _RECORD_OVERHEAD_BYTES
    if size > topic.max_message_bytes:
        raise RecordTooLarge(f"a record for {topic.name} has about {size} bytes; at most {topic.max_message_bytes}")


def _offset(message: Message) -> int:
    offset = message.offset()
    return UNKNOWN_OFFSET if offset is None or offset < 0 else offset


def _report(
    loop: asyncio.AbstractEventLoop, report: asyncio.Future[KafkaError | int], answer: KafkaError | int
) -> None:
    try:
        loop.call_soon_threadsafe(_resolve, report, answer)
    except RuntimeError:  # the loop is closed: nobody waits any more
        _log.debug("delivery report after shutdown")


def _resolve(report: asyncio.Future[KafkaError | int], answer: KafkaError | int) -> None:
    if not report.done():
        report.set_result(answer)

"""A producer that is replaced after a fatal error, while the delivery reports of its predecessors still arrive.

librdkafka reports a fatal error (an idempotent producer that lost its sequence or was fenced) in three ways: `poll`
raises, `produce` raises, and pending records get delivery reports with the code `_FATAL`. Afterwards that producer
sends nothing more. Each of the three only retires it; the next `produce` creates another.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog
from confluent_kafka import KafkaError, KafkaException, Producer

_POLL_SECONDS: Final = 0.2

_log = structlog.get_logger(__name__)

OnFailure = Callable[[BaseException], object]
"""Receives an error after which no delivery report would arrive any more."""


def is_fatal(error: KafkaError) -> bool:
    """Return whether the producer that reports this sends nothing more; in a delivery report the code alone shows
    it."""
    return bool(error.fatal()) or error.code() == KafkaError._FATAL


class RenewableProducer:
    """One current producer, and one thread that polls it and all retired ones with outstanding reports.

    Args:
        configuration: of librdkafka.
        on_failure: called from the polling thread if it ends by an error that is not Kafka's.
    """

    def __init__(self, configuration: Mapping[str, Any], on_failure: OnFailure) -> None:
        self._configuration = dict(configuration)
        self._on_failure = on_failure
        self._lock = threading.Lock()
        self._producer: Any = Producer(self._configuration)
        """None between the retirement of one producer and the creation of the next."""
        self._retired: list[Producer] = []
        self._closing = threading.Event()
        self._poller = threading.Thread(target=self._poll_until_closed, name="vidsignal-publisher", daemon=True)
        self._poller.start()

    @property
    def is_polling(self) -> bool:
        """Whether delivery reports arrive."""
        return self._poller.is_alive()

    def current(self) -> Producer:
        """Return the producer to use now; a new one if the last was retired.

        Raises:
            KafkaException: there is none, and none can be created.
        """
        with self._lock:
            if self._producer is None:
                self._producer = Producer(self._configuration)
                _log.warning("producer recreated after a fatal error")
            return self._producer

    def retire(self, broken: Producer) -> None:
        """Stop using a producer, and poll it while delivery reports are outstanding. May be repeated."""
        with self._lock:
            if self._producer is not broken:
                return
            self._producer = None
            self._retired.append(broken)
        broken.purge()  # each pending record is reported at once, as not sent

    def close(self, timeout_seconds: float) -> None:
        """Send queued records, as far as the time allows, and end the thread. Blocks. May be repeated."""
        for producer in self._all():
            try:
                producer.flush(timeout_seconds)
            except KafkaException as error:
                _log.warning("producer closed with undelivered records", error=str(error))
        self._closing.set()
        self._poller.join(_POLL_SECONDS * 5)

    def _all(self) -> list[Producer]:
        with self._lock:
            return [*self._retired, *([self._producer] if self._producer is not None else [])]

    def _poll_until_closed(self) -> None:
        try:
            while not self._closing.is_set():
                self._poll_all()
        except Exception as error:  # reported, not swallowed: the owner of the producer must exit
            _log.critical("delivery report thread failed", exc_info=error)
            self._on_failure(error)

    def _poll_all(self) -> None:
        producers = self._all()
        if not producers:
            self._closing.wait(_POLL_SECONDS)
        for producer in producers:
            self._poll(producer, _POLL_SECONDS / len(producers))
        with self._lock:
            self._retired = [producer for producer in self._retired if len(producer)]

    def _poll(self, producer: Producer, timeout_seconds: float) -> None:
        try:
            producer.poll(timeout_seconds)
        except KafkaException as error:
            if not is_fatal(error.args[0]):
                raise
            _log.error("producer failed with a fatal error", error=error.args[0].str())
            self.retire(producer)

"""A producer that librdkafka gave up on, against the broker inside librdkafka: nothing hangs, nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from confluent_kafka import KafkaException

from schemas.topics import SIGNALS
from streams.config.settings import Settings, read_settings
from streams.kafka import renewable_producer
from streams.kafka.clients import producer_configuration, read_to_end
from streams.kafka.publisher import Publisher, PublisherFailed
from tests.librdkafka_hooks import MockCluster, raise_fatal_error

_TIMEOUT_SECONDS = 60.0


@pytest.fixture
def settings() -> Iterator[Settings]:
    """Of a stack whose broker lives as long as the object that holds it."""
    cluster = MockCluster()
    yield read_settings(kafka_bootstrap_servers=cluster.bootstrap_servers)


@pytest.fixture
async def failures() -> list[BaseException]:
    """What the publisher said of its end."""
    return []


@pytest.fixture
async def publisher(settings: Settings, failures: list[BaseException]) -> AsyncIterator[Publisher]:
    """As a worker opens it."""
    opened = Publisher(producer_configuration(settings), on_failure=failures.append)
    yield opened
    await opened.close(1.0)


async def await_condition(holds: Callable[[], bool]) -> None:
    """Return when it holds, while the event loop turns."""
    async with asyncio.timeout(_TIMEOUT_SECONDS):
        while not holds():
            await asyncio.sleep(0.01)


def values_of(settings: Settings) -> set[bytes | None]:
    """Of the records in the log."""
    return {record.value for record in read_to_end(settings, [SIGNALS.name])}


class TestFatalError:
    async def test_the_next_record_goes_out_by_another_producer(self, publisher: Publisher, settings: Settings) -> None:
        """A fatal error while nothing is being sent costs nothing."""
        await publisher.publish(SIGNALS, "video", b"before")
        raise_fatal_error(publisher._producers.current())
        await asyncio.wait_for(publisher.publish(SIGNALS, "video", b"after"), _TIMEOUT_SECONDS)
        assert values_of(settings) == {b"before", b"after"}

    async def test_pending_records_are_confirmed(self, settings: Settings, failures: list[BaseException]) -> None:
        """Records that wait in the broken producer are sent again by its successor, and confirmed."""
        slow = {**producer_configuration(settings), "linger.ms": 60_000}  # so that all of them wait when it breaks
        publisher = Publisher(slow, on_failure=failures.append)
        sending = [asyncio.ensure_future(publisher.publish(SIGNALS, f"v{n}", b"%d" % n)) for n in range(20)]
        broken = publisher._producers.current()
        await await_condition(lambda: len(broken) >= 20)
        publisher._producers._configuration["linger.ms"] = 5
        raise_fatal_error(broken)
        await asyncio.wait_for(asyncio.gather(*sending), _TIMEOUT_SECONDS)
        await publisher.close()
        assert values_of(settings) == {b"%d" % n for n in range(20)}
        assert failures == []

    async def test_readiness_goes_by_the_thread(
        self, publisher: Publisher, failures: list[BaseException], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where delivery reports stop for good, the worker is told to end, and readiness does not hold."""

        def broken_poll(*_: object) -> None:
            raise RuntimeError("no report can be read")

        assert publisher.is_answered(SIGNALS, 30)
        monkeypatch.setattr(publisher._producers, "_poll", broken_poll)
        await await_condition(lambda: len(failures) > 0 and not publisher._producers.is_polling)
        assert str(failures[0]) == "no report can be read"
        assert not publisher.is_answered(SIGNALS, 30)

    async def test_a_producer_that_cannot_be_renewed_is_an_error(
        self, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where no successor can be made, publishing raises instead of waiting for ever."""

        def refuse(*_: object) -> None:
            raise KafkaException("no memory for a client")

        await publisher.publish(SIGNALS, "video", b"before")
        monkeypatch.setattr(renewable_producer, "Producer", refuse)
        raise_fatal_error(publisher._producers.current())
        with pytest.raises(PublisherFailed, match="no memory"):
            await asyncio.wait_for(publisher.publish(SIGNALS, "video", b"after"), _TIMEOUT_SECONDS)

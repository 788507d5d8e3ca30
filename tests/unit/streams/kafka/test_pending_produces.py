"""A broker that is unavailable shows in the age of what it has not confirmed."""

from __future__ import annotations

import asyncio

from prometheus_client import REGISTRY

from ops.local.ports import ReservedPort
from schemas.topics import DEAD_LETTER
from streams.kafka.pending_produces import PendingProduces
from streams.kafka.publisher import Publisher
from tests.fakes import ManualClock


def test_the_oldest_counts(manual_clock: ManualClock) -> None:
    """The age is that of the one which waits longest, and 0 when all are confirmed."""
    unconfirmed = PendingProduces(manual_clock)
    with unconfirmed.waiting():
        manual_clock.advance(5)
        with unconfirmed.waiting():
            manual_clock.advance(1)
            assert unconfirmed.oldest_seconds() == 6
        assert unconfirmed.oldest_seconds() == 6
    assert unconfirmed.oldest_seconds() == 0


async def test_a_record_for_an_unavailable_broker_grows_old(manual_clock: ManualClock) -> None:
    """Publishing waits without an error, and the metric says for how long."""
    with ReservedPort() as port:
        configuration = {"bootstrap.servers": port.address, "message.timeout.ms": 0, "log_level": 0}
        publisher = Publisher(configuration, clock=manual_clock)
        sending = asyncio.create_task(publisher.publish(DEAD_LETTER, "v", b"{}"))
        await asyncio.sleep(0)
        manual_clock.advance(90)
        assert REGISTRY.get_sample_value("vidsignal_oldest_unconfirmed_record_seconds") == 90
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        assert REGISTRY.get_sample_value("vidsignal_oldest_unconfirmed_record_seconds") == 0
        await publisher.close(0.01)

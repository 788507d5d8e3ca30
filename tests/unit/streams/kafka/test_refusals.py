"""Refusals of brokers: told from absence, told in the log, but not many times a second."""

from __future__ import annotations

import pytest
import structlog
from confluent_kafka import KafkaError

from streams.kafka.refusals import Refusals, is_refusal

WRONG = KafkaError(KafkaError._AUTHENTICATION, "invalid credentials")
UNTRUSTED = KafkaError(KafkaError._SSL, "certificate verify failed")
CUT = KafkaError(KafkaError._SSL, "SSL handshake failed: disconnected")
UNAVAILABLE = KafkaError(KafkaError._TRANSPORT, "connection refused")
ALL_UNAVAILABLE = KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down")


@pytest.mark.parametrize(("error", "expected"), [(WRONG, True), (UNTRUSTED, True), (CUT, False), (UNAVAILABLE, False)])
def test_what_is_a_refusal(error: KafkaError, expected: bool) -> None:
    """Passwords and certificates; a broker that dies in a handshake is only away."""
    assert is_refusal(error) == expected


def test_remembers_the_last_words() -> None:
    """A refusal is kept although another error follows; that no broker is left says nothing new."""
    refusals = Refusals()
    for error in (WRONG, UNAVAILABLE, ALL_UNAVAILABLE):
        refusals.hear(error)
    assert (refusals.refusal, refusals.last) == ("invalid credentials", "connection refused")


def test_is_told_at_most_every_ten_seconds() -> None:
    """Librdkafka tries many times a second."""
    now = [0.0]
    refusals = Refusals(lambda: now[0])
    with structlog.testing.capture_logs() as told:
        for seconds in (0.0, 0.1, 9.9, 10.0, 10.1, 20.0):
            now[0] = seconds
            refusals.hear(WRONG)
        refusals.hear(UNAVAILABLE)
    assert [line["reason"] for line in told] == ["invalid credentials"] * 3

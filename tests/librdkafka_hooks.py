"""Hooks of librdkafka that confluent-kafka does not offer, for tests alone."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any, Final

import confluent_kafka
from confluent_kafka import Producer

_OBJECT_HEAD_BYTES: Final = 16
"""`PyObject_HEAD` of CPython on 64 bits; the client's `rd_kafka_t *` is the first field behind it."""
_PRODUCE_REQUEST: Final = 0
"""Its key in Kafka's protocol."""
_ONLY_BROKER: Final = 1
_START_SECONDS: Final = 30.0
OUT_OF_ORDER_SEQUENCE: Final = 45
"""The broker's error after which an idempotent producer gives up."""


def raise_fatal_error(client: Any, code: int = OUT_OF_ORDER_SEQUENCE, reason: str = "made by a test") -> None:
    """Put a client into the state of a fatal error, as `rd_kafka_test_fatal_error` documents."""
    give = _library().rd_kafka_test_fatal_error
    give.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p)
    assert give(_handle(client), code, reason.encode()) == 0


class MockCluster:
    """A broker inside this process, for as long as the object lives; it can be told to refuse."""

    def __init__(self) -> None:
        self._client = Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 1, "log_level": 0})
        broker = next(iter(self._client.list_topics(timeout=_START_SECONDS).brokers.values()))
        self.bootstrap_servers = f"{broker.host}:{broker.port}"

    def refuse_produces(self, code: int, number: int = 1_000) -> None:
        """Answer the next requests of producers with an error, such as `KafkaError.TOPIC_AUTHORIZATION_FAILED`."""
        push = _library().rd_kafka_mock_push_request_errors_array
        push.argtypes = (ctypes.c_void_p, ctypes.c_int16, ctypes.c_size_t, ctypes.c_void_p)
        push.restype = None
        push(self._cluster(), _PRODUCE_REQUEST, number, (ctypes.c_int * number)(*([code] * number)))

    def slow_down(self, round_trip_milliseconds: int) -> None:
        """Answer every request so much later from now on."""
        set_round_trip = _library().rd_kafka_mock_broker_set_rtt
        set_round_trip.argtypes = (ctypes.c_void_p, ctypes.c_int32, ctypes.c_int)
        assert set_round_trip(self._cluster(), _ONLY_BROKER, round_trip_milliseconds) == 0

    def _cluster(self) -> int | None:
        of_client = _library().rd_kafka_handle_mock_cluster
        of_client.argtypes = (ctypes.c_void_p,)
        of_client.restype = ctypes.c_void_p
        found: int | None = of_client(_handle(self._client))
        return found


def _handle(client: Any) -> int | None:
    return ctypes.c_void_p.from_address(id(client) + _OBJECT_HEAD_BYTES).value


def _library() -> ctypes.CDLL:
    """The very library that confluent-kafka has loaded: another copy would not know the client."""
    package = Path(confluent_kafka.__file__).parent
    return ctypes.CDLL(str(next((package.parent / "confluent_kafka.libs").glob("librdkafka*.so*"))))

"""Records that no client library writes, and any producer may: header names that are not UTF-8."""

from __future__ import annotations

import asyncio
import struct
from typing import Any
from unittest.mock import patch

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.util import calc_crc32c

NAME = "oddly-named"
ODD_NAME = b"\xff\xfe" + NAME.encode()[2:]
_CRC_OFFSET = 17
_CHECKED_OFFSET = 21


def renamed(batch: bytes | bytearray, name: bytes) -> bytes:
    """A batch with another name for its header `NAME`, and a right checksum."""
    assert len(name) == len(NAME)
    found = bytearray(batch.replace(NAME.encode(), name))
    struct.pack_into(">I", found, _CRC_OFFSET, calc_crc32c(bytes(found[_CHECKED_OFFSET:])))
    return bytes(found)


def publish_oddly(bootstrap_servers: str, topic: str, key: str, value: bytes) -> None:
    """Publish one record with such a header, and wait for confirmation."""
    build = BatchBuilder._build

    def build_and_rename(builder: Any) -> Any:
        is_new = builder._buffer is None
        found = build(builder)
        if is_new:
            builder._buffer = found = bytearray(renamed(found, ODD_NAME))
        return found

    with patch.object(BatchBuilder, "_build", build_and_rename):
        asyncio.run(_publish(bootstrap_servers, topic, key, value))


async def _publish(bootstrap_servers: str, topic: str, key: str, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers)
    await producer.start()
    try:
        await producer.send_and_wait(topic, value=value, key=key.encode(), headers=[(NAME, b"x")])
    finally:
        await producer.stop()

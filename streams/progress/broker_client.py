"""Reads group state from the broker: assignments, committed offsets and log ends.

A separate client that joins no group. It is aiokafka's, because the admin client of librdkafka 2.16 ends the process if
a coordinator has just moved (confluent-kafka-javascript issue 374). It belongs to the event loop that uses it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import KafkaError, KafkaTimeoutError, for_code
from aiokafka.structs import TopicPartition

from streams.config.connection_checks import kafka_tls_files
from streams.config.settings import Settings
from streams.config.tls import client_context
from streams.progress.broker_facts import FactsUnknown, GroupFacts, OffsetsUnavailable, Partition, PartitionFacts

ANSWER_SECONDS: Final = 5.0
"""Time limit of one question with all its requests."""
_SETTLED: Final = ("Stable", "Empty", "Dead")
_PROBE_BYTES: Final = 64 * 1024
"""Size of a fetch that only checks whether there is a record; a broker sends at least one batch, of any size."""
_METADATA_MILLISECONDS: Final = 30_000


class BrokerClient:
    """Connects with the first question, and again after a failure."""

    def __init__(self, settings: Settings) -> None:
        self._options = aiokafka_options(settings)
        self._admin: AIOKafkaAdminClient | None = None
        self._reader: AIOKafkaConsumer | None = None

    async def ask(self, group: str, client_id: str) -> GroupFacts:
        """Return what the broker knows of the member with that client id.

        Raises:
            OffsetsUnavailable: no answer in time, or a coordinator or leader is moving.
            FactsUnknown: the broker does not support the question, or does not permit it.
        """
        try:
            return await asyncio.wait_for(self._ask(group, client_id), ANSWER_SECONDS)
        except (KafkaTimeoutError, TimeoutError, OSError) as error:
            await self.close()
            raise OffsetsUnavailable(f"no answer within {ANSWER_SECONDS:g} s: {error!r}") from error
        except KafkaError as error:
            await self.close()
            kind = OffsetsUnavailable if error.retriable else FactsUnknown
            raise kind(f"the broker said: {error!r}") from error

    async def first_record(self, partition: Partition, offset: int, end: int) -> int | None:
        """Return the offset of the first committed record of a partition at or after `offset` and before `end`, or
        None.

        Transaction markers, aborted records and compacted records do not count.

        Raises:
            FactsUnknown: it cannot be determined now.
        """
        try:
            return await asyncio.wait_for(self._find(TopicPartition(*partition), offset, end), 2 * ANSWER_SECONDS)
        except (KafkaError, TimeoutError, OSError) as error:
            raise FactsUnknown(f"{partition} cannot be read: {error!r}") from error

    async def close(self) -> None:
        """Disconnect; the next question connects again."""
        admin, reader, self._admin, self._reader = self._admin, self._reader, None, None
        if admin is not None:
            await admin.close()
        if reader is not None:
            await reader.stop()

    async def _ask(self, group: str, client_id: str) -> GroupFacts:
        admin, reader = await self._connected()
        coordinator = await admin.find_coordinator(group)
        (answer,) = await admin.describe_consumer_groups([group], group_coordinator_id=coordinator)
        error_code, _, state, _, _, members = answer.groups[0][:6]
        if error_code:
            raise for_code(error_code)(f"group {group}")
        ours = [member for member in members if member[1] == client_id]
        partitions = sorted(_assigned(member[4] for member in ours))
        if not partitions:
            return GroupFacts(state in _SETTLED, bool(ours), {})
        places = [TopicPartition(*partition) for partition in partitions]
        committed = await admin.list_consumer_group_offsets(group, coordinator, places)
        starts, ends = await asyncio.gather(reader.beginning_offsets(places), reader.end_offsets(places))
        facts = {
            partition: PartitionFacts(_offset(committed.get(place)), starts[place], ends[place])
            for partition, place in zip(partitions, places, strict=True)
        }
        return GroupFacts(state in _SETTLED, True, facts)

    async def _connected(self) -> tuple[AIOKafkaAdminClient, AIOKafkaConsumer]:
        if self._admin is None:
            admin = self._admin = AIOKafkaAdminClient(**self._options)
            await admin.start()
        if self._reader is None:
            reader = self._reader = self._new_reader()
            await _start(reader)
        return self._admin, self._reader

    async def _find(self, place: TopicPartition, offset: int, end: int) -> int | None:
        """Search with a reader of its own: a persistent one would continue to prefetch."""
        reader = self._new_reader()
        await _start(reader)
        try:
            reader.assign([place])
            reader.seek(place, offset)
            while await reader.position(place) < end:
                for record in (await reader.getmany(timeout_ms=200, max_records=1)).get(place, ()):
                    return int(record.offset) if record.offset < end else None
            return None
        finally:
            await reader.stop()

    def _new_reader(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            **self._options,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=_PROBE_BYTES,
        )


def aiokafka_options(settings: Settings) -> dict[str, Any]:
    """Return the addresses and security options of aiokafka clients."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers.split(","),
        "client_id": "vidsignal-progress",
        "request_timeout_ms": int(ANSWER_SECONDS * 1000),
        "metadata_max_age_ms": _METADATA_MILLISECONDS,
        "security_protocol": settings.kafka_security_protocol,
    }
    if settings.kafka_security_protocol.endswith("SSL"):
        options["ssl_context"] = client_context(kafka_tls_files(settings))
    if settings.kafka_security_protocol.startswith("SASL"):
        password = settings.kafka_sasl_password
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_sasl_username
        options["sasl_plain_password"] = password.get_secret_value() if password else None
    return options


def _assigned(assignments: Iterable[bytes]) -> Iterator[Partition]:
    for assignment in assignments:
        if assignment:  # empty while the group is in a rebalance
            decoded = ConsumerProtocolMemberAssignment.decode(assignment)
            yield from ((place.topic, place.partition) for place in decoded.partitions())


def _offset(committed: Any) -> int | None:
    return None if committed is None or committed.offset < 0 else int(committed.offset)


async def _start(reader: AIOKafkaConsumer) -> None:
    """Start the reader and let it run once: aiokafka's stop awaits a task that must have started."""
    await reader.start()
    await asyncio.sleep(0)

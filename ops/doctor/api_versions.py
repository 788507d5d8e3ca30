"""Requests that a broker supports, read with the client that the Faust apps use."""

from __future__ import annotations

import asyncio
from typing import Final

from aiokafka.conn import create_conn
from aiokafka.errors import KafkaError

from streams.config.connection_checks import kafka_tls_files
from streams.config.settings import Settings
from streams.config.tls import client_context

NEEDED_REQUESTS: Final = {
    0: "Produce",
    1: "Fetch",
    2: "ListOffsets",
    3: "Metadata",
    8: "OffsetCommit",
    9: "OffsetFetch",
    10: "FindCoordinator",
    11: "JoinGroup",
    12: "Heartbeat",
    14: "SyncGroup",
    22: "InitProducerId",
}
"""By Kafka's API key: the requests of our consumers and our idempotent producer."""


class ClientUnavailable(Exception):
    """The second client cannot connect, although the first may; the message contains the answer."""


def api_versions(settings: Settings, timeout_seconds: float) -> dict[int, tuple[int, int]]:
    """Return the lowest and highest version by API key, of the first broker that answers.

    Raises:
        ClientUnavailable: none did.
    """
    return asyncio.run(_first_answer(settings, timeout_seconds))


async def _first_answer(settings: Settings, timeout_seconds: float) -> dict[int, tuple[int, int]]:
    said = "no address"
    for server in settings.kafka_bootstrap_servers.split(","):
        try:
            return await asyncio.wait_for(_ask(settings, server.strip()), timeout_seconds)
        except (KafkaError, OSError, TimeoutError, AssertionError) as error:  # the client asserts what it is told
            said = f"{server.strip()}: {error!r}"
    raise ClientUnavailable(said)


async def _ask(settings: Settings, server: str) -> dict[int, tuple[int, int]]:
    host, _, port = server.rpartition(":")
    protocol = settings.kafka_security_protocol
    password = settings.kafka_sasl_password
    connection = await create_conn(
        host,
        int(port),
        security_protocol=protocol,
        ssl_context=client_context(kafka_tls_files(settings)) if protocol.endswith("SSL") else None,
        sasl_mechanism=settings.kafka_sasl_mechanism,
        sasl_plain_username=settings.kafka_sasl_username,
        sasl_plain_password=password.get_secret_value() if password else None,
    )
    try:
        return dict(connection._versions)  # private, but the version is pinned: see streams.consumer.version_checks
    finally:
        connection.close()

"""The broker: whether it answers and accepts the client, and supports the requests of both client libraries."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Final

from confluent_kafka.admin import AdminClient

from ops.doctor.api_versions import NEEDED_REQUESTS, ClientUnavailable, api_versions
from ops.doctor.check_context import ANSWER_SECONDS, CheckContext
from ops.doctor.finding import Finding, not_checked, ok, warning, wrong
from schemas.counted import counted
from streams.config.settings import Settings
from streams.kafka.clients import BrokerRefuses, BrokerUnavailable

_WAITS: Final = "no upload is taken and no verdict published; workers wait, and nothing is lost meanwhile"


def examine(context: CheckContext) -> Iterator[Finding]:
    """Check address, rights, number of brokers, and protocol versions."""
    settings = context.settings
    try:
        admin = context.broker.result()
    except BrokerRefuses as error:
        yield _refused(error)
    except BrokerUnavailable as error:
        yield _unavailable(error)
    else:
        yield _answers(admin, settings)
        yield _encryption(settings)
        yield _versions(settings)


def _unavailable(error: BrokerUnavailable) -> Finding:
    return wrong(
        "address",
        str(error),
        means=_WAITS,
        do="start the broker, or name the right one in VIDSIGNAL_KAFKA_BOOTSTRAP_SERVERS; "
        "`vidsignal local --kafka real` starts one on this machine",
    )


def _refused(error: BrokerRefuses) -> Finding:
    return wrong(
        "address",
        str(error),
        means="a worker stops at its start",
        do="correct VIDSIGNAL_KAFKA_SECURITY_PROTOCOL, VIDSIGNAL_KAFKA_SASL_... or VIDSIGNAL_KAFKA_SSL_...; "
        "see docs/security.md",
    )


def _answers(admin: AdminClient, settings: Settings) -> Finding:
    brokers = admin.list_topics(timeout=ANSWER_SECONDS).brokers
    where = settings.kafka_bootstrap_servers
    if settings.is_broker_embedded:
        return warning(
            "address",
            f"the demo's embedded broker answers at {where}",
            means="records are kept in memory only, and few of them",
            do="use an Apache Kafka for anything but the demo, and leave VIDSIGNAL_IS_BROKER_EMBEDDED unset",
        )
    answering = ", ".join(f"{broker.host}:{broker.port}" for _, broker in sorted(brokers.items()))
    found = f"{counted(len(brokers), 'broker')} answer{'s' * (len(brokers) == 1)}: {answering}"
    silent = [server.strip() for server in where.split(",") if not _accepts(server)]
    if not silent:
        return ok("address", found)
    return warning(
        "address",
        f"{found}; {', '.join(silent)} of VIDSIGNAL_KAFKA_BOOTSTRAP_SERVERS does not",
        means="partitions have fewer copies in sync, and a client that knows no other address finds no broker",
        do="start that broker again, or take its address out of the setting",
    )


def _accepts(server: str) -> bool:
    """Return whether anything accepts connections there."""
    host, _, port = server.strip().rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS):
            return True
    except (OSError, ValueError):
        return False


def _encryption(settings: Settings) -> Finding:
    protocol = settings.kafka_security_protocol
    is_local = all(is_loopback(server) for server in settings.kafka_bootstrap_servers.split(","))
    if protocol.endswith("SSL") or is_local:
        return ok("encryption", f"{protocol}{'' if protocol.endswith('SSL') else ', on this machine only'}")
    return warning(
        "encryption",
        f"{protocol} to {settings.kafka_bootstrap_servers}",
        means="titles, verdicts and any password cross the network in the clear",
        do="set VIDSIGNAL_KAFKA_SECURITY_PROTOCOL=SASL_SSL; see docs/security.md",
    )


def is_loopback(address: str) -> bool:
    """Return whether `host:port` is this machine, according to its name."""
    host = address.strip().rpartition(":")[0].strip("[]")
    return host in ("localhost", "::1") or host.startswith("127.")


def _versions(settings: Settings) -> Finding:
    if settings.is_broker_embedded:
        return not_checked("protocol", "the embedded broker is a double of our own")
    try:
        known = api_versions(settings, ANSWER_SECONDS)
    except ClientUnavailable as error:
        return wrong(
            "protocol",
            f"librdkafka gets in, the client of the Faust apps does not: {error}",
            means="no role but engagement can run",
            do="use Apache Kafka 4, or look at the broker's log for that connection",
        )
    missing = [name for key, name in NEEDED_REQUESTS.items() if key not in known]
    if missing:
        return wrong(
            "protocol",
            f"the broker does not know {', '.join(missing)}",
            means="a worker cannot join its groups or publish",
            do="use a broker that speaks Kafka's whole protocol, such as Apache Kafka 4",
        )
    return ok("protocol", f"both clients get in; {counted(len(known), 'request')} known, ours among them")

"""Worlds for the doctor's examinations: servers that are unavailable, or stand-ins that answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from redis.exceptions import ConnectionError as StoreUnavailable

from ops.doctor.check_context import CheckContext, Once
from ops.doctor.finding import Finding
from streams.config.settings import read_settings
from streams.kafka.clients import BrokerUnavailable


def context(broker: Any = None, store: Any = None, **settings: object) -> CheckContext:
    """A world under these settings; a server that is None is unavailable, one that is an error answers with it."""
    return CheckContext(
        read_settings(**settings),
        _server(broker, BrokerUnavailable("no broker answered")),
        _server(store, StoreUnavailable("connection refused")),
    )


def only(findings: Iterable[Finding]) -> Finding:
    """The one finding that there has to be."""
    (finding,) = findings
    return finding


def about(findings: Iterable[Finding], subject: str) -> Finding:
    """The finding about a subject."""
    (finding,) = [finding for finding in findings if finding.subject == subject]
    return finding


def _server(client: Any, unavailable: Exception) -> Once[Any]:
    def answer() -> Any:
        if client is None:
            raise unavailable
        if isinstance(client, Exception):
            raise client
        return client

    return Once(answer)

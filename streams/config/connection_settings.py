"""Settings of the connections to Kafka and Redis."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from msgspec import Struct

from streams.config.secret import Secret


class ConnectionSettings(Struct, frozen=True, kw_only=True):
    """Where broker and store are, and how to get in; see `streams.config.settings.Settings`."""

    kafka_bootstrap_servers: str = "127.0.0.1:9092"
    """Brokers, comma-separated host:port."""
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    kafka_sasl_username: str | None = None
    kafka_sasl_password: Secret | None = None
    kafka_ssl_ca_file: Path | None = None
    """The machine's authorities where it is not set."""
    kafka_ssl_cert_file: Path | None = None
    """Our own certificate, where brokers ask for one."""
    kafka_ssl_key_file: Path | None = None
    kafka_ssl_key_password: Secret | None = None
    is_broker_embedded: bool = False
    """The broker is the demo's in-memory one: a gap in offsets means that records were lost."""
    redis_url: Secret = Secret("redis://127.0.0.1:6379/0")
    """May hold a password."""
    redis_username: str | None = None
    redis_password: Secret | None = None
    redis_ca_file: Path | None = None
    """For rediss://; the machine's authorities where it is not set."""
    redis_cert_file: Path | None = None
    """Our own certificate, where the store asks for one."""
    redis_key_file: Path | None = None

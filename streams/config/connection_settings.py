"""Settings of the connections to Kafka and Redis."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from msgspec import Struct

from streams.config.secret import Secret


class ConnectionSettings(Struct, frozen=True, kw_only=True):
    """Addresses and credentials of broker and store; see `streams.config.settings.Settings`."""

    kafka_bootstrap_servers: str = "127.0.0.1:9092"
    """Brokers, comma-separated `host:port`."""
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    kafka_sasl_username: str | None = None
    kafka_sasl_password: Secret | None = None
    kafka_ssl_ca_file: Path | None = None
    """PEM file of certificate authorities; if unset, the machine's authorities are trusted."""
    kafka_ssl_cert_file: Path | None = None
    """PEM file of the client certificate, if the brokers require one."""
    kafka_ssl_key_file: Path | None = None
    kafka_ssl_key_password: Secret | None = None
    is_broker_embedded: bool = False
    """Whether the broker is the demo's in-memory one; then a gap in offsets means that records were lost."""
    redis_url: Secret = Secret("redis://127.0.0.1:6379/0")
    """URL of the store; may contain a password."""
    redis_username: str | None = None
    redis_password: Secret | None = None
    redis_ca_file: Path | None = None
    """PEM file of certificate authorities for `rediss://`; if unset, the machine's authorities are trusted."""
    redis_cert_file: Path | None = None
    """PEM file of the client certificate, if the store requires one."""
    redis_key_file: Path | None = None

"""Checks that the settings of the connections to Kafka and Redis fit together, before a connection is opened."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qs, urlsplit

from streams.config.connection_settings import ConnectionSettings
from streams.config.tls import TlsFiles, UnusableTls, client_context

_URL_SCHEMES: Final = ("redis", "rediss", "unix")
_HOST: Final = re.compile(r"/{0,2}[A-Za-z0-9.-]+(:\d+)?(/\d*)?")


def connection_problems(settings: ConnectionSettings) -> list[str]:
    """Return one line per invalid combination of settings; no line contains a secret."""
    return [*_kafka_problems(settings), *_redis_problems(settings)]


def kafka_tls_files(settings: ConnectionSettings) -> TlsFiles:
    """TLS files of the connection to the brokers."""
    password = settings.kafka_ssl_key_password
    return TlsFiles(
        settings.kafka_ssl_ca_file,
        settings.kafka_ssl_cert_file,
        settings.kafka_ssl_key_file,
        password.get_secret_value() if password else None,
    )


def redis_tls_files(settings: ConnectionSettings) -> TlsFiles:
    """TLS files of the connection to the store."""
    return TlsFiles(settings.redis_ca_file, settings.redis_cert_file, settings.redis_key_file)


def _kafka_problems(settings: ConnectionSettings) -> Iterator[str]:
    protocol = settings.kafka_security_protocol
    has_user, has_password = settings.kafka_sasl_username is not None, settings.kafka_sasl_password is not None
    if protocol.startswith("SASL") and not (has_user and has_password):
        yield f"kafka_security_protocol is {protocol!r}, which needs kafka_sasl_username and kafka_sasl_password"
    if not protocol.startswith("SASL") and (has_user or has_password):
        yield f"kafka_security_protocol is {protocol!r}, which sends no user: SASL_SSL and SASL_PLAINTEXT do"
    files = kafka_tls_files(settings)
    if protocol.endswith("SSL"):
        yield from _tls_problems("kafka_ssl_...", files)
    elif not files.is_empty:
        yield f"kafka_security_protocol is {protocol!r}, which uses no kafka_ssl_... file: allowed are SSL, SASL_SSL"


def _redis_problems(settings: ConnectionSettings) -> Iterator[str]:
    try:
        url = urlsplit(settings.redis_url.get_secret_value())
        _ = None if url.scheme == "unix" else url.port  # the library's error message would quote a part of the password
    except ValueError:
        yield "redis_url is (hidden), which is no URL; a password in it has to be percent-encoded"
        return
    if not url.scheme:
        yield (
            f"redis_url (environment VIDSIGNAL_REDIS_URL) is {_shown(settings.redis_url.get_secret_value())}, which"
            " has no scheme; allowed are redis, rediss (TLS) and unix, such as redis://127.0.0.1:6379/0"
        )
    elif url.scheme not in _URL_SCHEMES:
        yield (
            f"redis_url begins with {url.scheme!r} (environment VIDSIGNAL_REDIS_URL); allowed are redis, rediss (TLS)"
            " and unix"
        )
    if any(name.startswith("ssl_") for name in parse_qs(url.query)):
        yield "redis_url has options that begin with ssl_; name files in redis_ca_file, redis_cert_file, redis_key_file"
    if (url.username or url.password) and (settings.redis_username or settings.redis_password):
        yield "redis_url holds a user or a password, and so do redis_username or redis_password; keep one"
    if settings.redis_username and not settings.redis_password:
        yield "redis_username is set without redis_password"
    files = redis_tls_files(settings)
    if url.scheme == "rediss":
        yield from _tls_problems("redis_..._file", files)
    elif not files.is_empty:
        yield f"redis_url begins with {url.scheme!r}, which uses no certificate: rediss does"


def _shown(address: str) -> str:
    """Return an address without user, password and options; hidden if the rest is no host with port and database."""
    rest = re.split(r"[?#]", address.rpartition("@")[2], maxsplit=1)[0]
    return repr(rest) if _HOST.fullmatch(rest) or not address else "(hidden)"


def _tls_problems(names: str, files: TlsFiles) -> Iterator[str]:
    try:
        client_context(files)
    except UnusableTls as error:
        yield f"{names}: {error}"

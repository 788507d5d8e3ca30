"""User and TLS options of the Redis connection, in the form of the client library."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from streams.config.connection_checks import redis_tls_files
from streams.config.settings import Settings

NO_OPTIONS: Final[Mapping[str, Any]] = MappingProxyType({})


def store_options(settings: Settings) -> dict[str, Any]:
    """Return the options for `Redis.from_url` in addition to the URL; certificate and host name are always verified."""
    password = settings.redis_password
    user = {"username": settings.redis_username, "password": password.get_secret_value() if password else None}
    options = {name: value for name, value in user.items() if value is not None}
    if settings.redis_url.get_secret_value().startswith("rediss:"):
        options |= _tls_options(settings)
    return options


def _tls_options(settings: Settings) -> dict[str, Any]:
    files = redis_tls_files(settings)
    named = {
        "ssl_ca_certs": files.ca_file,
        "ssl_certfile": files.certificate_file,
        "ssl_keyfile": files.key_file,
    }
    always = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
    return always | {name: str(path) for name, path in named.items() if path is not None}

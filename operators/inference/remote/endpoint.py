"""The address of a model server, and whether pictures and sound of users may be sent there."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

_ENCRYPTED: Final = {"http": False, "https": True, "grpc": False, "grpcs": True}
_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "grpc": 8001, "grpcs": 443}


class EndpointRefused(ValueError):
    """Nothing may be sent to this address; the settings have to be changed."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server listens; created by `parse_endpoint`."""

    scheme: str
    """`http`, `https`, `grpc` or `grpcs`."""
    host: str
    """In lower case, IPv6 without brackets."""
    port: int
    path: str
    """What goes before the paths of the protocol, without a slash at its end."""

    @property
    def is_encrypted(self) -> bool:
        """Whether the connection uses TLS."""
        return _ENCRYPTED[self.scheme]

    @property
    def is_loopback(self) -> bool:
        """Whether nothing leaves this machine."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def address(self) -> str:
        """`host:port`, as on receipts."""
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def origin(self) -> str:
        """`scheme://host:port`, for breakers, metrics and logs."""
        return f"{self.scheme}://{self.address}"

    def url(self, path: str) -> str:
        """Return the address of a path of the protocol, which begins with a slash."""
        return f"{self.origin}{self.path}{path}"


def parse_endpoint(url: str, schemes: Collection[str]) -> Endpoint:
    """Read an address such as `https://models.example:8443/triton`.

    Raises:
        EndpointRefused: it is none, has another scheme, or contains credentials, a query or a fragment.
    """
    allowed = f"allowed is {' or '.join(f'{scheme}://' for scheme in schemes)}host:port"
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise EndpointRefused(f"{url!r} is no address of a server ({error}); {allowed}") from error
    if parts.username is not None or parts.password is not None:
        # The value is not repeated: it contains a secret.
        raise EndpointRefused(f"the address of a server has credentials in it; {allowed}, and tokens have settings")
    if parts.scheme not in schemes or not host or parts.query or parts.fragment or port == 0:
        raise EndpointRefused(f"{url!r} is no address of a server; {allowed}")
    return Endpoint(parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme], parts.path.rstrip("/"))


def require_permitted(endpoint: Endpoint, allowed_hosts: Collection[str]) -> None:
    """Check that users' media may be sent to a server.

    Args:
        endpoint: of the server.
        allowed_hosts: names or addresses, each alone or with its port; nothing is allowed by default, not even
            loopback.

    Raises:
        EndpointRefused: the host is not listed, or is beyond loopback without TLS.
    """
    listed = {host.lower() for host in allowed_hosts}
    if not listed & {endpoint.host, endpoint.address}:
        found = ", ".join(sorted(listed)) or "no host"
        raise EndpointRefused(
            f"users' media would be sent to {endpoint.host}, and VIDSIGNAL_MODEL_SERVER_HOSTS allows {found}; add it if"
            " they may be"
        )
    if not endpoint.is_loopback and not endpoint.is_encrypted:
        raise EndpointRefused(
            f"users' media would be sent to {endpoint.origin} without encryption; allowed beyond loopback:"
            f" {endpoint.scheme}s://"
        )

"""Options of a connection to a model server."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from operators.inference.remote.endpoint import Endpoint, require_permitted
from operators.inference.remote.server_watch import ServerWatch, SilentServerWatch


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """One server, and what runs there.

    Raises:
        EndpointRefused: users' media may not be sent there.
    """

    endpoint: Endpoint
    allowed_hosts: Collection[str]
    models: Mapping[str, str] = field(default_factory=dict)
    """Name on the server by name of the card; a model that is left out has the same name in both places."""
    token: str = field(default="", repr=False)
    """Sent as a bearer token, if it is not empty."""
    ca_file: Path | None = None
    """PEM file of certificate authorities; None: those of the machine."""
    max_requests: int = 16
    """In flight at the same time."""
    timeout_seconds: float = 30.0
    """Of a request; one whose deadline comes earlier gets less."""
    connect_seconds: float = 5.0
    watch: ServerWatch = field(default_factory=SilentServerWatch)

    def __post_init__(self) -> None:
        require_permitted(self.endpoint, self.allowed_hosts)

    def name_of(self, card_name: str) -> str:
        """Return what the server calls a model."""
        return self.models.get(card_name, card_name)

    def headers(self) -> dict[str, str]:
        """Return the headers of every request."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

"""The requests' reports to the observers that count them, and the decision whether a server may be asked at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

RequestOutcome = Literal["answered", "refused", "failed", "overloaded", "unavailable", "cut"]
"""`failed`: the server failed while it computed; `cut`: the deadline of the items came before the answer."""


@dataclass(frozen=True, slots=True)
class ServerRequest:
    """One request that has ended."""

    origin: str
    outcome: RequestOutcome
    seconds: float
    input_tokens: int = 0
    output_tokens: int = 0
    is_unavailable: bool = False
    """Whether the breaker counts it as a failure of the server."""


class ServerWatch(Protocol):
    """Called on a device's threads: must be quick and thread-safe."""

    def require(self, origin: str) -> None:
        """Return if the server may be asked now.

        Raises:
            NotAsked: it failed again and again, and is only probed.
        """

    def is_unavailable(self, origin: str) -> bool:
        """Return whether the server failed again and again, so that it is asked only now and then."""

    def ended(self, request: ServerRequest) -> None:
        """Note a request; must not raise."""


class SilentServerWatch:
    """Permits and counts nothing."""

    def require(self, origin: str) -> None:
        """Permit it."""

    def is_unavailable(self, origin: str) -> bool:  # noqa: ARG002
        """Nothing is counted."""
        return False

    def ended(self, request: ServerRequest) -> None:
        """Do nothing."""

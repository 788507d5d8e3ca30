"""Free loopback ports that stay reserved while a server is down."""

from __future__ import annotations

import socket
import sys
from typing import Self

LOOPBACK = "127.0.0.1"


class ReservedPort:
    """A port that nobody else gets until `close`, whether or not our server listens on it.

    The reservation is a bound socket that never listens. It is bound without SO_REUSEADDR, so it is exclusive, and gets
    the option afterwards, so that a server with that option (such as Redis and the JVM) may bind the same port. A port
    that was only looked up and released can be taken meanwhile, most likely by a client of ours that reconnects to the
    stopped server and gets the same port as its source.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.bind((LOOPBACK, 0))
        self.number: int = self._socket.getsockname()[1]
        if sys.platform == "linux":
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:  # elsewhere two sockets never share an address, so the port is only looked up
            self._socket.close()

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"{LOOPBACK}:{self.number}"

    def close(self) -> None:
        """Release the port."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

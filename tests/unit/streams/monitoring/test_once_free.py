"""A port of a worker that is being taken apart is waited for, a port that is somebody else's is not for long."""

from __future__ import annotations

import errno
import socket

import pytest

from streams.monitoring.once_free import once_free


class Listener:
    """Fails a number of times, then listens."""

    def __init__(self, failures: int, number: int = errno.EADDRINUSE) -> None:
        self.failures = failures
        self.number = number
        self.num_tries = 0

    def __call__(self) -> str:
        self.num_tries += 1
        if self.num_tries <= self.failures:
            raise OSError(self.number, "no")
        return "listening"


class TestOnceFree:
    def test_waits_for_one_that_is_about_to_end(self) -> None:
        """The successor of a killed worker begins on the same port."""
        listener = Listener(failures=2)
        assert once_free(listener, timeout_seconds=60) == "listening"
        assert listener.num_tries == 3

    def test_gives_up_where_somebody_stays(self) -> None:
        """A port that is taken for good is a wrong setting."""
        with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
            once_free(lambda: socket.create_server(taken.getsockname()), timeout_seconds=0)

    def test_other_errors_are_said_at_once(self) -> None:
        """An address that is not this machine's will not become so."""
        listener = Listener(failures=1, number=errno.EADDRNOTAVAIL)
        with pytest.raises(OSError, match="no"):
            once_free(listener, timeout_seconds=60)
        assert listener.num_tries == 1

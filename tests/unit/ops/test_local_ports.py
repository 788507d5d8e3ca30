"""Reserved ports: exclusive to others, usable by our servers."""

from __future__ import annotations

import errno
import socket

import pytest

from ops.local.ports import LOOPBACK, ReservedPort


class TestReservedPort:
    def test_strangers_are_refused(self) -> None:
        """Nobody can bind a reserved port by accident."""
        with ReservedPort() as port, socket.socket() as stranger, pytest.raises(OSError) as refusal:
            stranger.bind((LOOPBACK, port.number))

        assert refusal.value.errno == errno.EADDRINUSE

    def test_our_server_listens_twice(self) -> None:
        """A server with SO_REUSEADDR can listen on it, go away and listen again."""
        with ReservedPort() as port:
            for _ in range(2):
                with (
                    socket.create_server((LOOPBACK, port.number)) as server,
                    socket.create_connection((LOOPBACK, port.number)) as client,
                ):
                    accepted, address = server.accept()
                    with accepted:
                        assert address == client.getsockname()

    def test_a_silent_port_refuses(self) -> None:
        """While no server listens a client is refused at once; the reservation itself never listens."""
        with ReservedPort() as port, pytest.raises(ConnectionRefusedError):
            socket.create_connection((LOOPBACK, port.number))

    def test_no_two_alike(self) -> None:
        """Ports that are reserved together differ."""
        ports = [ReservedPort() for _ in range(50)]

        assert len({port.number for port in ports}) == 50

        for port in ports:
            port.close()

    def test_close_frees(self) -> None:
        """A closed reservation leaves the port to others."""
        port = ReservedPort()
        port.close()

        with socket.socket() as stranger:
            stranger.bind((LOOPBACK, port.number))
            assert stranger.getsockname() == (LOOPBACK, port.number)

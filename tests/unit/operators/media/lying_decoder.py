"""A decoder process that fails on purpose: `python -m ... <fault> <descriptor> <parent> <limits>`.

It says that it is ready, takes one request and then does what `fault` says.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time

from operators.media.ipc_messages import LENGTH_BYTES, FrameSlot, FramesReady, Planned, Ready, body_length, encode
from operators.media.layout import MemoryLayout


def main() -> None:
    """Be well until the first request."""
    fault, descriptor = sys.argv[1], int(sys.argv[2])
    if fault == "no start":
        sys.exit(3)
    with socket.socket(fileno=descriptor) as channel:
        channel.sendall(encode(Ready(is_network_isolated=False)))
        prefix, _, _, _ = socket.recv_fds(channel, LENGTH_BYTES, 2)
        channel.recv(body_length(prefix), socket.MSG_WAITALL)
        FAULTS[fault](channel)


def hang(channel: socket.socket) -> None:
    """Say nothing more."""
    time.sleep(3600)


def abort(channel: socket.socket) -> None:
    """Die as a failed assertion of a C library does."""
    os.kill(os.getpid(), signal.SIGABRT)


def spend_cpu(channel: socket.socket) -> None:
    """Die as the kernel ends anyone who has used up its CPU time."""
    os.kill(os.getpid(), signal.SIGXCPU)


def leave(channel: socket.socket) -> None:
    """End without a word."""
    sys.exit(4)


def babble(channel: socket.socket) -> None:
    """Send what is no message."""
    channel.sendall(b"\0\0\0\5hello")
    time.sleep(3600)


def boast(channel: socket.socket) -> None:
    """Announce a message of two gigabytes."""
    channel.sendall(b"\x7f\xff\xff\xff")
    time.sleep(3600)


def lie_about_memory(channel: socket.socket) -> None:
    """Plan memory that it never sized: reading it would end the parent."""
    channel.sendall(encode(Planned(MemoryLayout(10, 1000, 0, 0, 0, 0))))
    time.sleep(3600)


def frames_before_plan(channel: socket.socket) -> None:
    """Deliver before anything was planned."""
    channel.sendall(encode(FramesReady((FrameSlot(0, 0.0, 10, 10, True),))))
    time.sleep(3600)


FAULTS = {
    "hang": hang,
    "abort": abort,
    "spend CPU": spend_cpu,
    "leave": leave,
    "babble": babble,
    "boast": boast,
    "lie about memory": lie_about_memory,
    "frames before plan": frames_before_plan,
}

if __name__ == "__main__":
    main()

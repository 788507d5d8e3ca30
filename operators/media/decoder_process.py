"""The decoder process: locked down, single-threaded, one video after another. Run by `decoder_client`.

    python -m operators.media.decoder_process <socket descriptor> <parent process id> <limits as JSON>

It never imports torch: a process that only decodes starts in a third of a second.
"""

from __future__ import annotations

import os
import signal
import socket
import sys

import msgspec

from operators.media.limits import DecodeLimits, lock_down


def main(arguments: list[str]) -> None:
    """Lock down first, import decoders after: a namespace needs a process with one thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C reaches all; the parent drains, and needs us
    descriptor, parent_pid, limits_json = arguments
    limits = msgspec.json.decode(limits_json, type=DecodeLimits)
    counters_fd = os.open("/proc/self/io", os.O_RDONLY)
    is_network_isolated = lock_down(limits, int(parent_pid))

    from operators.media.decode_request import serve

    with socket.socket(fileno=int(descriptor)) as channel:
        serve(channel, limits, counters_fd=counters_fd, is_network_isolated=is_network_isolated)


if __name__ == "__main__":
    main(sys.argv[1:])
    os._exit(0)  # there is nothing to clean up, and decoders' own threads must not delay the exit

"""Prints as JSON which limits hold in a process that is locked down like a decoder.

python -m ops.doctor.sandbox_process <parent process id>
"""

from __future__ import annotations

import resource
import socket
import sys
from pathlib import Path

from operators.media.limits import DecodeLimits, lock_down

_PROBED_ADDRESS = ("127.0.0.1", 9)


def main(arguments: list[str]) -> None:
    """Lock down, then test the limits from inside."""
    limits = DecodeLimits()
    is_network_isolated = lock_down(limits, int(arguments[0]))
    import msgspec

    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    answer = {
        "network": is_network_isolated and not _reaches_network(),
        "no_new_privileges": status.get("NoNewPrivs", "0").strip() == "1",
        "system_call_filter": status.get("Seccomp", "0").strip() == "2",
        "memory": resource.getrlimit(resource.RLIMIT_AS)[0] == limits.memory_bytes,
        "files": resource.getrlimit(resource.RLIMIT_NOFILE)[0] == limits.open_files,
        "user_namespaces": _sysctl("user/max_user_namespaces"),
    }
    sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")


def _reaches_network() -> bool:
    """Return whether even loopback is reachable; in an empty namespace it is down, and elsewhere the port refuses."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(_PROBED_ADDRESS)
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return True


def _sysctl(name: str) -> str | None:
    path = Path("/proc/sys") / name
    return path.read_text().strip() if path.is_file() else None


if __name__ == "__main__":
    main(sys.argv[1:])

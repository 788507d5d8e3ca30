"""The decoder sandbox: which of its limits this kernel enforces."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, Final

from ops.doctor.check_context import CheckContext
from ops.doctor.finding import Finding, ok, warning, wrong
from ops.doctor.probe_process import ProbeFailed, ask_process

_WALLS: Final = {
    "no_new_privileges": "no new privileges",
    "memory": "memory limit",
    "files": "file limit",
}
"""Limits of every kernel."""


def examine(context: CheckContext, ask: Callable[..., Any] = ask_process) -> Iterator[Finding]:
    """Lock down a process as decoders do, and query it."""
    del context
    try:
        found = ask("ops.doctor.sandbox_process", str(os.getpid()))
    except ProbeFailed as error:
        yield wrong(
            "lock-down",
            f"a process that locks itself in as decoders do: {error}",
            means="no decoder starts, so no media is read",
            do="run on Linux with /proc mounted, and let prctl and setrlimit through",
        )
        return
    yield _limits(found)
    yield _network(found)


def _limits(found: dict[str, Any]) -> Finding:
    missing = [words for name, words in _WALLS.items() if not found[name]]
    if missing:
        return wrong(
            "limits",
            f"not in force: {', '.join(missing)}",
            means="one hostile video may take the machine down",
            do="look whether the container's runtime forbids prctl or setrlimit",
        )
    filtered = ", a system call filter" if found["system_call_filter"] else ""
    return ok("limits", f"in force: {', '.join(_WALLS.values())}{filtered}")


def _network(found: dict[str, Any]) -> Finding:
    if found["network"]:
        return ok("network", "out of a decoder's reach, by a network namespace of its own")
    allowed = found["user_namespaces"]
    return warning(
        "network",
        "a decoder reaches the network: the kernel gives it no namespace of its own"
        f"{f' (user.max_user_namespaces is {allowed})' if allowed is not None else ''}",
        means="a video that breaks a decoder could open connections",
        do="allow user namespaces (sysctl user.max_user_namespaces=10000; in a container a seccomp profile that lets "
        "unshare through), or shut workers off by a network policy",
    )

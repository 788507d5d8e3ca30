"""The ports that a worker listens on: free, or answered by a worker already."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from http.client import HTTPException
from ipaddress import IPv4Address
from urllib.error import HTTPError
from urllib.request import urlopen

from ops.doctor.check_context import CheckContext
from ops.doctor.finding import Finding, ok, warning, wrong
from streams.monitoring.port_remedy import port_remedy

_ANSWER_SECONDS = 2.0
_PAGE_BYTES = 1024 * 1024
_TOKENS = {"metrics": ("/metrics", b"vidsignal_"), "health": ("/livez", b"{")}
"""By endpoint, the path, and a text in a worker's answer."""


def examine(context: CheckContext) -> Iterator[Finding]:
    """Check the metrics endpoint and the health endpoint."""
    settings = context.settings
    if settings.metrics_port is None:
        yield _unset(
            "metrics",
            "VIDSIGNAL_METRICS_PORT",
            "workers cannot be monitored: no dashboard, no alert, no `vidsignal top`",
        )
    else:
        yield _port("metrics", settings.metrics_host, settings.metrics_port, "VIDSIGNAL_METRICS_PORT")
    if settings.health_port is None:
        yield _unset("health", "VIDSIGNAL_HEALTH_PORT", "a supervisor sees only whether the process runs")
    else:
        yield _port("health", settings.health_host, settings.health_port, "VIDSIGNAL_HEALTH_PORT")


def _unset(subject: str, variable: str, means: str) -> Finding:
    return warning(subject, f"{variable} is not set", means=means, do=f"set {variable} to a port of this machine")


def _port(subject: str, host: str, port: int, variable: str) -> Finding:
    if port == 0:
        return ok(subject, "a worker takes a free port and names it in its ready line")
    try:
        taken = _is_taken(host, port)
    except OSError as error:
        return wrong(
            subject,
            f"{host}:{port} cannot be listened on: {error}",
            means="a worker ends at its start",
            do=port_remedy(error, variable),
        )
    if not taken:
        return ok(subject, f"{host}:{port} is free")
    return _taken(subject, host, port, variable)


def _taken(subject: str, host: str, port: int, variable: str) -> Finding:
    if _is_ours(subject, host, port):
        return ok(subject, f"a worker answers at {host}:{port}; a second one on this machine needs a port of its own")
    return wrong(
        subject,
        f"something that is no worker listens on {host}:{port}",
        means="a worker ends at its start",
        do=port_remedy(OSError(errno.EADDRINUSE, ""), variable),
    )


def _is_taken(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the worker's server does
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return True
            raise
    return False


def _is_ours(subject: str, host: str, port: int) -> bool:
    path, token = _TOKENS[subject]
    try:
        with urlopen(f"http://{_reachable(host)}:{port}{path}", timeout=_ANSWER_SECONDS) as answer:
            return token in answer.read(_PAGE_BYTES)
    except HTTPError as refused:  # a worker that is not ready answers 503
        return token in refused.read(_PAGE_BYTES)
    except (OSError, ValueError, HTTPException):
        return False


def _reachable(host: str) -> str:
    if not host or host in ("::", str(IPv4Address(0))):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host

"""The installation: pinned packages, and settings that fit together."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

from ops.doctor.check_context import CheckContext
from ops.doctor.finding import Finding, ok, warning, wrong
from streams.config.settings import ROLES, InvalidSettings, Settings
from streams.config.unknown_variables import unknown_variables
from streams.consumer.version_checks import WrongVersion, check_versions


def examine(context: CheckContext, check: Callable[[], None] = check_versions) -> Iterator[Finding]:
    """Check packages first, then valid settings that deserve attention."""
    yield _packages(check)
    problems = list(_doubtful(context.settings))
    yield from problems
    if not problems:
        yield ok("settings", f"valid; roles {', '.join(context.settings.roles)}")


def unreadable_settings(error: InvalidSettings) -> Finding:
    """Return the only finding if settings are invalid; the message hides secrets itself."""
    return wrong(
        "settings",
        str(error),
        means="no worker and no command starts",
        do="correct the variable or vidsignal.toml; docs/settings.md lists what each setting allows",
    )


def _packages(check: Callable[[], None]) -> Finding:
    try:
        check()
    except WrongVersion as error:
        return wrong(
            "packages",
            str(error),
            means="a worker stops at its start",
            do=".venv/bin/pip install --constraint constraints.txt --editable .",
        )
    return ok("packages", f"the pinned ones, on Python {sys.version.split()[0]}")


def _doubtful(settings: Settings) -> Iterator[Finding]:
    for line in unknown_variables():
        yield warning(
            "settings",
            line,
            means="a misspelt setting keeps its default",
            do="correct the name, or unset it; docs/settings.md lists all",
        )
    if not settings.roles:
        yield wrong(
            "settings",
            "VIDSIGNAL_ROLES is empty",
            means="a worker would do nothing",
            do=f"unset it, or name some of {', '.join(ROLES)}",
        )
    if settings.metrics_host not in ("127.0.0.1", "::1", "localhost") and settings.metrics_port is not None:
        yield warning(
            "settings",
            f"VIDSIGNAL_METRICS_HOST is {settings.metrics_host}",
            means="any client that reaches that address can read rates, causes, costs and the ids of videos in work",
            do="keep it on loopback, or let only Prometheus and operators through by a network policy",
        )

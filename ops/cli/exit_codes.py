"""The exit codes of `vidsignal`."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Also printed by `vidsignal --help`."""

    OK = 0
    FOUND = 1
    """The command worked and found something wrong: a bad policy, a differing topic, a failed video."""
    USAGE = 2
    """Wrong arguments or settings."""
    UNAVAILABLE = 3
    """A broker, a store or a package index could not be reached."""
    INTERRUPTED = 130

"""Checks the versions of packages whose private names are used, before anything starts."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Final

PINNED: Final[dict[str, str]] = {"faust-streaming": "0.15.3", "aiokafka": "0.14.0"}
"""`safe_consumer`, `consumer_thread` and `no_tables` of `streams.consumer` override and read private parts of these."""


class WrongVersion(Exception):
    """The installed version of a package is not the one that this code was tested with."""


def check_versions(pinned: dict[str, str] = PINNED) -> None:
    """Raise WrongVersion if a package is missing or has another version."""
    wrong = [
        f"{name} {_installed(name)}, expected {wanted}" for name, wanted in pinned.items() if _installed(name) != wanted
    ]
    if wrong:
        raise WrongVersion(f"offsets are only safe with the pinned versions; installed: {'; '.join(wrong)}")


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "is not installed"

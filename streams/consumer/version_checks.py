"""Versions that private names are read from, checked before anything starts."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Final

PINNED: Final[dict[str, str]] = {"faust-streaming": "0.15.3", "aiokafka": "0.14.0"}
"""`safe_consumer`, `consumer_thread` and `no_tables` of `streams.delivery` override and read private parts of these."""


class WrongVersion(Exception):
    """An installed package is not the one that this code was checked against."""


def check_versions(pinned: dict[str, str] = PINNED) -> None:
    """Raise WrongVersion where another version is installed, or none."""
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

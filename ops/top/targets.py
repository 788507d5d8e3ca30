"""Addresses of the workers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml


class InvalidTargets(ValueError):
    """An address or a file of addresses cannot be used; the message quotes it and says what is allowed."""


def read_targets(path: Path) -> list[str]:
    """Return the addresses in a file: Prometheus' `file_sd` in JSON or YAML, or one `host:port` per line with `#`
    comments.

    Raises:
        InvalidTargets: quotes what was found.
    """
    try:
        text = path.read_text(encoding="utf-8")
        found = yaml.safe_load(text) if path.suffix in (".json", ".yml", ".yaml") else list(_lines(text))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidTargets(f"targets file {str(path)!r} cannot be read: {error}") from error
    return checked(_addresses(found, path))


def checked(addresses: Iterable[str]) -> list[str]:
    """Return the addresses without duplicates. Raises InvalidTargets if one is no `host:port`."""
    unique = list(dict.fromkeys(address.strip() for address in addresses))
    for address in unique:
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65_536 or "/" in host or "@" in host:
            raise InvalidTargets(f"worker {address!r} is not host:port, such as 127.0.0.1:9464")
    return unique


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        content = line.partition("#")[0].strip()
        if content:
            yield content


def _addresses(found: Any, path: Path) -> Iterator[str]:
    if not isinstance(found, list):
        raise InvalidTargets(f"targets file {str(path)!r} holds {type(found).__name__}, expected a list")
    for item in found:
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict) and isinstance(item.get("targets"), list):
            yield from map(str, item["targets"])
        else:
            raise InvalidTargets(f"targets file {str(path)!r}: {item!r} is neither host:port nor has a list `targets`")

"""Processes long sequences in groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def pages(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield items in groups of at most `size`, none of them empty; only one group is in memory."""
    remaining = iter(items)
    while page := list(islice(remaining, size)):
        yield page

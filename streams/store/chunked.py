"""Long sequences, some at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def pages(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Items in groups of at most `size`, none of them empty; no more than one group is held."""
    remaining = iter(items)
    while page := list(islice(remaining, size)):
        yield page

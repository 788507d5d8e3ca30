"""Finds the batch sizes of a model on a device: those of its card, and larger ones while they gain. Plain Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

MAX_SIZE = 512
MAX_INPUT_BYTES = 64 * 2**20
"""Of one batch; each thread that submits has this much of pinned memory at most, unless a card names a larger batch."""
MAX_SECONDS = 0.1
"""Of a batch beyond the card's sizes: live items wait for the batch before them."""
ENOUGH_RATIO = 0.95
"""Of the best throughput: larger batches than the first one that reaches it let items wait without gain."""
FLAT_RATIO = 1.05
"""A doubling that gains less than this is flat; two in a row end the search."""


def candidates(card_sizes: Sequence[int], item_bytes: int) -> tuple[int, ...]:
    """Return the sizes to try, ascending: those of the card, then doublings of the largest.

    Args:
        card_sizes: as in `Card.batch_sizes`.
        item_bytes: of the longest item.
    """
    limit = min(MAX_SIZE, MAX_INPUT_BYTES // item_bytes)
    return (*card_sizes, *_doublings(card_sizes[-1], limit))


def _doublings(largest: int, limit: int) -> Iterator[int]:
    while (largest := 2 * largest) <= limit:
        yield largest


def search_sizes(
    card_sizes: Sequence[int], sizes: Sequence[int], seconds_of: Callable[[int], float | None]
) -> dict[int, float]:
    """Time sizes until larger ones gain nothing; return the seconds of a batch of each size that is worth keeping.

    Args:
        card_sizes: of the card; each is tried, and kept if it runs.
        sizes: all, ascending.
        seconds_of: runs a batch and returns its device seconds; None if the size cannot run.
    """
    seconds_by_size: dict[int, float] = {}
    for size in sizes:
        if size > card_sizes[-1] and _is_flat(seconds_by_size):
            break
        seconds = seconds_of(size)
        if size > card_sizes[-1] and (seconds is None or seconds > MAX_SECONDS):
            break
        if seconds is not None:
            seconds_by_size[size] = seconds
    enough = _enough(seconds_by_size)
    return {size: seconds for size, seconds in seconds_by_size.items() if size in card_sizes or size <= enough}


def _rates(seconds_by_size: Mapping[int, float]) -> dict[int, float]:
    return {size: size / max(seconds, 1e-9) for size, seconds in seconds_by_size.items()}


def _is_flat(seconds_by_size: Mapping[int, float]) -> bool:
    """Whether the last two sizes gained little over those before them."""
    rates = list(_rates(seconds_by_size).values())
    return len(rates) > 2 and max(rates[-2:]) < FLAT_RATIO * max(rates[:-2])


def _enough(seconds_by_size: Mapping[int, float]) -> int:
    rates = _rates(seconds_by_size)
    best = max(rates.values(), default=0.0)
    return min((size for size, rate in rates.items() if rate >= ENOUGH_RATIO * best), default=0)

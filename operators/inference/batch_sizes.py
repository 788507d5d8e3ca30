"""Which of the few shapes a batch takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

MAX_PADDING_RATIO = 0.25
"""A larger shape is taken half empty never, a quarter empty at most."""

MAX_SIZE_PENALTY = 1.25
"""A size above the cheapest one is dropped where an item costs more than this many times the least; timings on a
shared machine differ by less than that from one run to the next."""

ALWAYS_KEPT_SIZE = 4
"""Sizes up to this one are never dropped: what a batch saves around the model, warm-up does not see."""


def worthwhile_sizes(seconds_by_size: Mapping[int, float]) -> tuple[int, ...]:
    """Return the sizes that are worth running on a device, from what a batch of each took in warm-up.

    An accelerator likes large batches; a CPU core likes those whose activations stay in its cache, and larger ones
    cost more per item and keep everybody waiting longer. Sizes below the cheapest stay, for when little waits.

    Args:
        seconds_by_size: device seconds of one batch by its size, not empty.
    """
    per_item = {size: seconds / size for size, seconds in sorted(seconds_by_size.items())}
    cheapest = min(per_item, key=lambda size: per_item[size])
    kept_anyway = max(cheapest, ALWAYS_KEPT_SIZE)
    dearest_allowed = MAX_SIZE_PENALTY * per_item[cheapest]
    return tuple(size for size, seconds in per_item.items() if size <= kept_anyway or seconds <= dearest_allowed)


BRIEF_SECONDS = 0.1
"""Longest batch of items that nobody waits for: who is in a hurry may come while it runs, and it is not cut short."""


def brief_sizes(seconds_by_size: Mapping[int, float], sizes: Sequence[int]) -> tuple[int, ...]:
    """Return those of some sizes whose batch took at most `BRIEF_SECONDS` in warm-up.

    The smallest is among them, and so are those that are never dropped: a machine under load measures too much.
    """
    kept_anyway = max(sizes[0], ALWAYS_KEPT_SIZE)
    return tuple(size for size in sizes if size <= kept_anyway or seconds_by_size[size] <= BRIEF_SECONDS)


def choose_batch_size(waiting: int, sizes: Sequence[int]) -> int:
    """Return the shape of the next batch.

    The largest size that the waiting items fill, or the next larger one where padding wastes at most
    `MAX_PADDING_RATIO` of it. Fewer items than the smallest size are padded to it: an idle device never waits.

    Args:
        waiting: items that wait, at least 1.
        sizes: allowed sizes, ascending, as in `Card.batch_sizes`.

    Raises:
        ValueError: nothing waits.
    """
    if waiting < 1:
        raise ValueError(f"a batch needs at least one waiting item, got {waiting}")
    filled = max((size for size in sizes if size <= waiting), default=None)
    larger = min((size for size in sizes if size > waiting), default=None)
    if filled is None or (larger is not None and larger - waiting <= MAX_PADDING_RATIO * larger):
        return larger if larger is not None else sizes[-1]
    return filled


def fitting_size(count: int, sizes: Sequence[int]) -> int:
    """Return the smallest allowed size that holds `count` items.

    Raises:
        ValueError: no allowed size is large enough.
    """
    for size in sizes:
        if size >= count:
            return size
    raise ValueError(f"{count} items fit none of the batch sizes {tuple(sizes)}")


def check_batch_sizes(sizes: Sequence[int]) -> tuple[int, ...]:
    """Return `sizes` as a tuple.

    Raises:
        ValueError: they are empty, not ascending, or below 1.
    """
    if not sizes or sizes[0] < 1 or list(sizes) != sorted(set(sizes)):
        raise ValueError(f"batch sizes must be ascending, distinct and at least 1, got {tuple(sizes)}")
    return tuple(sizes)

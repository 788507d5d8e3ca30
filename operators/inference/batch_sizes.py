"""Selects the size of a batch from the few supported sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

MAX_PADDING_RATIO = 0.25
"""Largest permitted share of padding in a larger batch."""

MAX_SIZE_PENALTY = 1.25
"""A size above the cheapest one is dropped if an item costs more than this many times the least; timings on a shared
machine vary by less than that between runs."""

ALWAYS_KEPT_SIZE = 4
"""Sizes up to this one are never dropped: the warm-up does not measure what a batch saves outside of the model."""


def worthwhile_sizes(seconds_by_size: Mapping[int, float]) -> tuple[int, ...]:
    """Return the sizes that are efficient on a device, from the durations of a batch of each size in warm-up.

    An accelerator is efficient with large batches; a CPU core with those whose activations fit its cache, and larger
    ones cost more per item and make every item wait longer. Sizes below the cheapest stay, for short queues.

    Args:
        seconds_by_size: device seconds of one batch by its size, not empty.
    """
    per_item = {size: seconds / size for size, seconds in sorted(seconds_by_size.items())}
    cheapest = min(per_item, key=lambda size: per_item[size])
    kept_anyway = max(cheapest, ALWAYS_KEPT_SIZE)
    dearest_allowed = MAX_SIZE_PENALTY * per_item[cheapest]
    return tuple(size for size, seconds in per_item.items() if size <= kept_anyway or seconds <= dearest_allowed)


BRIEF_SECONDS = 0.1
"""Longest duration of a batch without urgent items: an urgent item may arrive while it runs, and it is not
interrupted."""


def brief_sizes(seconds_by_size: Mapping[int, float], sizes: Sequence[int]) -> tuple[int, ...]:
    """Return those of some sizes whose batch took at most `BRIEF_SECONDS` in warm-up.

    The smallest is always included, and so are those that are never dropped: a machine under load measures too much.
    """
    kept_anyway = max(sizes[0], ALWAYS_KEPT_SIZE)
    return tuple(size for size in sizes if size <= kept_anyway or seconds_by_size[size] <= BRIEF_SECONDS)


def choose_batch_size(waiting: int, sizes: Sequence[int]) -> int:
    """Return the size of the next batch.

    It is the largest size that the waiting items fill, or the next larger one if padding is at most `MAX_PADDING_RATIO`
    of it. Fewer items than the smallest size are padded to it: an idle device never waits.

    Args:
        waiting: number of waiting items, at least 1.
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
    """Return the smallest allowed size for `count` items.

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

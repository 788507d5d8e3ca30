"""Long sequences, some at a time."""

from __future__ import annotations

from streams.store.chunked import pages


def test_pages_lose_nothing() -> None:
    """Groups of a bounded size, in order, the last one shorter."""
    groups = list(pages(iter(range(1_001)), 500))
    assert ([len(group) for group in groups], [each for group in groups for each in group]) == (
        [500, 500, 1],
        list(range(1_001)),
    )

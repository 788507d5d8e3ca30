"""Pauses garbage collection: importing thousands of modules leaves no garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Collect nothing inside; objects that exist at the end are excluded from later collections, because they live as
    long as the process.

    For imports and the opening of models, which are short, never for a wait.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()

"""Importing thousands of modules leaves no garbage, so nobody has to look for it meanwhile."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Collect nothing inside; afterwards what is there by then is never looked at again, as it lives with the process.

    For imports and the opening of models, which end by themselves, never for a wait.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()

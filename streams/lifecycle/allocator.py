"""Options of the C library's allocator for threads that compute."""

from __future__ import annotations

import ctypes
from contextlib import suppress

_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3
"""Numbers of `mallopt(3)`."""
_MMAP_BYTES = 2**25
"""The most that glibc accepts; larger blocks are still mapped one by one."""
_TRIM_BYTES = 2**28
"""More than the activations of any batch that a core's caches hold."""


def keep_freed_memory() -> None:
    """Let the process keep memory that a batch frees for the next batch; does nothing without glibc.

    By default, a thread other than the first gives large freed blocks back to the kernel. The next batch then gets
    empty pages, one fault each: 7 % of the CPU time of a batch of pictures, and 20 % of a batch of sound.
    """
    with suppress(OSError, AttributeError):  # another C library has neither
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, _MMAP_BYTES)
        mallopt(_TRIM_THRESHOLD, _TRIM_BYTES)

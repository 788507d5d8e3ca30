"""Memory of batches stays with the process."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

COUNT_FAULTS = """
import resource, sys, threading
import numpy as np
from streams.lifecycle.allocator import keep_freed_memory

if "keep" in sys.argv:
    keep_freed_memory()

def batches(number):
    for _ in range(number):
        activations = [np.empty(2**20, dtype=np.uint8) for _ in range(8)]
        for activation in activations:
            activation.fill(1)
        del activations, activation

def serve():
    batches(5)
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
    batches(50)
    print(resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before)

thread = threading.Thread(target=serve)
thread.start()
thread.join()
"""


def _faults(*arguments: str) -> int:
    child = subprocess.run([sys.executable, "-c", COUNT_FAULTS, *arguments], capture_output=True, text=True, check=True)
    return int(child.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library decides for itself")
def test_a_thread_gets_the_memory_of_its_last_batch_again() -> None:
    """Batches after the first ones fault on next to no page, where they fault on each page by default."""
    assert _faults("keep") < 50
    assert _faults() > 50

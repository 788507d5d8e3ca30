"""What the tests of all models share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def cache_dir() -> Path:
    """The cache with all weights in it; one thread, so that sums are made in one order on every machine."""
    import torch

    from ops.assets import default_cache_dir, fetch_weights

    torch.set_num_threads(1)
    fetch_weights(default_cache_dir())
    return default_cache_dir()

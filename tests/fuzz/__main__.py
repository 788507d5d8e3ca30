"""Fuzz one target with atheris: `python -m tests.fuzz TARGET SECONDS`. See `tests.fuzz.targets`.

Ends with an error, and leaves the input in the working folder, where a target raises what it must not.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["schemas", "operators.media", "streams", "ops.cli.publish", "yaml"]):
    from tests.fuzz.targets import SEEDS, TARGETS


def main(name: str, seconds: str) -> None:
    """Run for a time; libFuzzer says at its end how many inputs it tried."""
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(SEEDS[name]):
            (Path(folder) / str(number)).write_bytes(seed)
        target = TARGETS[name]
        atheris.Setup(
            [sys.argv[0], f"-max_total_time={seconds}", "-max_len=4096", folder], lambda data: target(data) and None
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])

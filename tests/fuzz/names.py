"""Prints the names of the targets: `python -m tests.fuzz.names`."""

from __future__ import annotations

import sys

from tests.fuzz.targets import TARGETS

if __name__ == "__main__":
    sys.stdout.write("\n".join(TARGETS) + "\n")

"""Sentences to write and to say, in two halves: thresholds are chosen on one, and measured on the other."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

DATA_FILE: Final = Path(__file__).parents[1] / "data" / "on_screen_texts.tsv"


def texts(half: str, group: str) -> list[str]:
    """Return the sentences of one half."""
    with DATA_FILE.open(encoding="utf-8", newline="") as file:
        return [
            row["text"] for row in csv.DictReader(file, delimiter="\t") if (row["half"], row["group"]) == (half, group)
        ]

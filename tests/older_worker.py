"""A worker of the release before: `python -m tests.older_worker`, settings as ever; one of its models is older."""

from __future__ import annotations

import sys
from dataclasses import replace

from models.card_registry import CARDS
from streams.config.settings import read_settings
from streams.worker.worker import run_worker

OLDER_WORKER = (sys.executable, "-m", "tests.older_worker")
REPLACED_MODEL = "efficientnet-lite0"

if __name__ == "__main__":
    card = CARDS[REPLACED_MODEL]
    CARDS[REPLACED_MODEL] = replace(card, version="0.0.1", generation=card.generation - 1)
    sys.exit(run_worker(read_settings()))

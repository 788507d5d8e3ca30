"""Twelve faults in some minutes: nothing is lost, doubled, contradicted or raised from the dead.

The media role is a stand-in here, so that two cores can bear it; `make chaos` does it with real media, and with more.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.chaos.options import Options
from tests.chaos.run import run_chaos

SEED = int(os.environ.get("CHAOS_SEED", "19"))
"""Its twelve kinds are of every sort: workers, an older release, brokers, Redis, a disk, the network, a clock."""
NUM_FAULTS = 12
MINUTES = 2.5

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


def test_what_was_decided_stays_decided(tmp_path: Path, kafka_jars: None) -> None:
    """After twelve faults all comes to rest, the judge finds nothing, and what is stale is mended by one audit."""
    options = Options(
        seed=SEED, num_faults=NUM_FAULTS, minutes=MINUTES, media="stand-in", out=tmp_path, longest_stop_seconds=15.0
    )
    report = run_chaos(options)
    assert sum(report.faults.values()) >= NUM_FAULTS - len(report.skipped), report.to_text()
    assert report.before_audit.looked_at["live"] > 0, report.to_text()
    assert report.failures == [], report.to_text()

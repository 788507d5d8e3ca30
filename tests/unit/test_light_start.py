"""A unit-test file starts quickly: neither what all tests share nor its own imports load what it does not use."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.imported_modules import HEAVY

LIGHT_FILES = (
    "tests/unit/schemas/test_codec.py",
    "tests/unit/ops/test_dashed_ids.py",
    "tests/unit/operators/media/test_plan.py",
    "tests/unit/operators/inference/test_batch_policy.py",
    "tests/unit/streams/decision/test_fold.py",
    "tests/unit/streams/decision/test_policy.py",
    "tests/unit/streams/delivery/test_offset_tracker.py",
    "tests/unit/streams/engagement/test_counting.py",
    "tests/unit/models/conftest.py",
    "tests/unit/models/test_weights.py",
)
"""Of each layer some that need nothing but it."""
ALWAYS_HERE = {"numpy", "rich"}
"""pytest-randomly imports the one, and a plugin may the other, before any file of ours is read."""


@pytest.fixture(scope="module")
def imported() -> frozenset[str]:
    """Top-level packages in a process that collected the light files."""
    program = (
        "import sys, pytest\n"
        f"ended = pytest.main(['--collect-only', '-q', '-n', '0', *{LIGHT_FILES!r}])\n"
        "print('modules:', *{name.partition('.')[0] for name in sys.modules})\n"
        "sys.exit(ended)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return frozenset(ended.stdout.rpartition("modules:")[2].split())


def test_light_files_load_nothing_heavy(imported: frozenset[str]) -> None:
    """No tensors, decoders, brokers or stores, through whatever file the import comes."""
    assert imported & (HEAVY | {"confluent_kafka", "grafana_foundation_sdk", "trustme"}) - ALWAYS_HERE == set()


def test_they_were_collected(imported: frozenset[str]) -> None:
    """The list above means files that do import our packages."""
    assert {"schemas", "operators", "streams", "tests"} <= imported

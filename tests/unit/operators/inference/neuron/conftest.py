"""A machine with a stand-in of the device."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.neuron_machine import NeuronMachine, neuron_machine


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[NeuronMachine]:
    """One core belongs to this process."""
    (tmp_path / "driver").mkdir()
    with neuron_machine(tmp_path / "driver") as machine:
        yield machine

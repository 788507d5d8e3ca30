"""A worker's engine ends its start at a card that it cannot keep, before it opens anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.card_errors import CardInvalid
from operators.inference.cpu_probe import CpuCapabilities
from streams.analysis.engine_opening import open_engine
from streams.config.settings import read_settings
from tests.support.tiny_models import CARD, write_card


async def test_a_model_for_another_device(tmp_path: Path) -> None:
    """The card's file, the field, what it says, and what this worker has."""
    path = write_card(tmp_path / "mine", f'{CARD}\n[runs]\ndevices = ["cuda"]\n')
    settings = read_settings(device="cpu", model_cards=str(tmp_path), trusted_model_folders=str(tmp_path))

    with pytest.raises(CardInvalid) as raised:
        await open_engine(settings, CpuCapabilities(bfloat16=False, note="not probed"))

    assert str(path) in str(raised.value)
    assert "runs.devices is ['cuda']; allowed: a list with cpu, the device of this worker" in str(raised.value)

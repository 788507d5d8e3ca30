"""A model runs where its card permits: on the worker's device, on the host's processor, or the start ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.card import Card, DeviceName
from models.card_errors import CardInvalid
from models.card_registry import CARDS
from operators.inference.backend import BackendConfig
from operators.inference.inference import Inference
from operators.inference.placement import check_devices, placed_backend
from tests.unit.operators.inference.fakes import FakeBackend, context, number, number_card


def card_on(name: str, *devices: DeviceName) -> Card:
    return replace(number_card(name), devices=devices)


class Devices:
    """A worker's devices, by name, with the configuration that each was opened with."""

    def __init__(self) -> None:
        self.opened: dict[str, FakeBackend] = {}
        self.configs: dict[str, BackendConfig] = {}

    def open(self, name: str, config: BackendConfig) -> FakeBackend:
        self.configs[name] = config
        return self.opened.setdefault(name, FakeBackend(name=name))


class TestPlacedBackend:
    async def test_each_model_where_its_card_permits(self) -> None:
        """On a worker with an accelerator, a model that excludes it runs on the processor and occupies no
        accelerator; the other one does."""
        devices, cards = Devices(), (card_on("both", "cpu", "cuda"), card_on("recurrent", "cpu"))
        backend = placed_backend("cuda", BackendConfig(precision="bfloat16"), cards, devices.open)
        inference = await Inference.open(cards, lambda _card: None, backend)  # type: ignore[arg-type,return-value]

        here = await inference.batcher("both").submit(number(3), context())
        there = await inference.batcher("recurrent").submit(number(4), context())
        await inference.close()

        assert [here.values[0].tolist(), there.values[0].tolist()] == [6.0, 8.0]
        assert (here.device_seconds > 0, there.device_seconds) == (True, 0.0)
        assert {name: {model for model, _ in found.batches} for name, found in devices.opened.items()} == {
            "cuda": {"both"},
            "cpu": {"recurrent"},
        }
        assert [devices.configs[name].precision for name in ("cuda", "cpu")] == ["bfloat16", "auto"]
        assert [found.num_open for found in devices.opened.values()] == [0, 0]

    def test_one_device_where_it_suffices(self) -> None:
        """Nothing else is opened if every model may run there."""
        devices = Devices()
        cards = (card_on("both", "cpu", "cuda"), card_on("recurrent", "cpu"))
        assert placed_backend("cpu", BackendConfig(), cards, devices.open) is devices.opened["cpu"]
        assert placed_backend("cuda", BackendConfig(), cards[:1], devices.open) is devices.opened["cuda"]


class TestCheck:
    def test_nowhere(self) -> None:
        """A model that needs an accelerator stops a worker without one: with the card, the field, what is there and
        what is allowed."""
        with pytest.raises(CardInvalid, match=r"'needy': runs\.devices is \['cuda'\]; allowed: a list with cpu"):
            check_devices([card_on("both", "cpu", "cuda"), card_on("needy", "cuda")], "cpu")

    def test_somewhere(self) -> None:
        """On the worker's device, or on its processor."""
        check_devices([card_on("needy", "cuda"), card_on("recurrent", "cpu")], "cuda")

    @pytest.mark.parametrize("device", ["cpu", "cuda"])
    def test_the_products_own(self, device: str) -> None:
        """Run on every device, the recurrent ones on the processor."""
        check_devices(CARDS.values(), device)
        assert {name for name, card in CARDS.items() if card.batch_sizes and card.devices == ("cpu",)} == {
            "silero-vad",
            "toxicity",
        }

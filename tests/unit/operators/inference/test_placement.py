"""A model runs where its card permits: on the worker's device, on the host's processor, or the start ends."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from models.card import Card, DeviceName
from models.card_errors import CardInvalid
from models.card_registry import CARDS
from operators.errors import DeviceFault, DeviceLost
from operators.inference.backend import BackendConfig
from operators.inference.inference import Inference
from operators.inference.placement import ServerPlace, check_devices, host_opener
from tests.unit.operators.inference.fakes import FakeBackend, context, number, number_card, queued


def card_on(name: str, *devices: DeviceName) -> Card:
    return replace(number_card(name), devices=devices)


class Devices:
    """A worker's devices, by name, with the configuration that each was opened with."""

    def __init__(self, num_submitters: int = 1) -> None:
        self.num_submitters = num_submitters
        self.opened: dict[str, FakeBackend] = {}
        self.configs: dict[str, BackendConfig] = {}

    def open(self, name: str, config: BackendConfig) -> FakeBackend:
        self.configs[name] = config
        return self.opened.setdefault(name, FakeBackend(name=name, num_submitters=self.num_submitters))


async def opened(device: str, cards: Sequence[Card], devices: Devices) -> Inference:
    config = BackendConfig(precision="bfloat16")
    return await Inference.open(
        cards,
        lambda _card: None,  # type: ignore[arg-type,return-value]
        devices.open(device, config),
        open_host=host_opener(device, config, devices.open),
    )


class TestPlaces:
    async def test_each_model_where_its_card_permits(self) -> None:
        """On a worker with an accelerator, a model that excludes it runs on the processor and occupies no
        accelerator; the other one does."""
        devices = Devices()
        inference = await opened("cuda", (card_on("both", "cpu", "cuda"), card_on("recurrent", "cpu")), devices)

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

    async def test_a_server_in_addition_to_two_devices(self) -> None:
        """In one worker: a model on the accelerator, one on the processor, and one that the settings put on a server
        although its card permits the accelerator."""
        devices, server = Devices(), FakeBackend(name="kserve", num_submitters=2)
        config = BackendConfig()
        inference = await Inference.open(
            (card_on("both", "cpu", "cuda"), card_on("recurrent", "cpu"), card_on("there", "cpu", "cuda", "kserve")),
            lambda _card: None,  # type: ignore[arg-type,return-value]
            devices.open("cuda", config),
            open_host=host_opener("cuda", config, devices.open),
            servers=[ServerPlace("kserve", frozenset({"there"}), lambda: server)],
        )

        answers = [
            await inference.batcher(name).submit(number(3), context()) for name in ("both", "recurrent", "there")
        ]
        await inference.close()

        assert [answer.values[0].tolist() for answer in answers] == [6.0] * 3
        found = {**devices.opened, "kserve": server}
        assert {name: {model for model, _ in backend.batches} for name, backend in found.items()} == {
            "cuda": {"both"},
            "cpu": {"recurrent"},
            "kserve": {"there"},
        }
        assert [backend.num_open for backend in found.values()] == [0, 0, 0]

    async def test_neither_waits_for_the_other(self) -> None:
        """A model of the processor is answered while the accelerator is busy: each device has a thread of its own."""
        devices = Devices()
        inference = await opened("cuda", (card_on("both", "cpu", "cuda"), card_on("recurrent", "cpu")), devices)
        plug = await devices.opened["cuda"].plugged(inference, "both")

        there = await inference.batcher("recurrent").submit(number(4), context())
        devices.opened["cuda"].gate.set()
        await plug
        await inference.close()

        assert there.values[0].tolist() == 8.0

    @pytest.mark.parametrize("device", ["cpu", "cuda"])
    async def test_one_device_where_it_suffices(self, device: str) -> None:
        """Nothing else is opened if every model may run there."""
        devices = Devices()
        inference = await opened(device, [card_on("both", "cpu", "cuda")], devices)
        await inference.close()
        assert set(devices.opened) == {device}

    async def test_declined_by_the_device(self) -> None:
        """A model that the device declines at start runs on the processor, and what other threads of the device had
        opened of it is closed; the device's other models stay."""
        devices = Devices(num_submitters=2)
        cards = (card_on("both", "cpu", "cuda"), card_on("odd", "cpu", "cuda"))
        devices.open("cuda", BackendConfig()).declined["odd"] = 2

        inference = await opened("cuda", cards, devices)
        there = await inference.batcher("odd").submit(number(4), context())

        assert (there.values[0].tolist(), there.device_seconds) == (8.0, 0.0)
        assert [found.num_open for found in devices.opened.values()] == [2, 2]
        await inference.close()
        assert [found.num_open for found in devices.opened.values()] == [0, 0]

    async def test_declined_where_it_must_run(self) -> None:
        """A card that excludes the processor ends the start."""
        devices = Devices()
        devices.open("cuda", BackendConfig()).declined["needy"] = 1
        with pytest.raises(DeviceFault, match="its card excludes cpu"):
            await opened("cuda", [card_on("needy", "cuda")], devices)

    async def test_declined_by_a_fresh_runner(self) -> None:
        """Once a model has run on a device it does not move: its callers know it by that device, and the device is
        lost instead."""
        devices = Devices()
        inference = await opened("cuda", [card_on("both", "cpu", "cuda")], devices)
        device = devices.opened["cuda"]
        device.declined["both"], device.faults_left = 1, 1

        with pytest.raises(DeviceLost, match="had one before"):
            await inference.batcher("both").submit(number(3), context())
        await inference.close()


class TestSubmitters:
    async def test_two_batches_are_under_way(self) -> None:
        """A device with two threads has two batches at once, each with a runner of its own; the calls and the CPU time
        of both count."""
        devices = Devices(num_submitters=2)
        inference = await opened("cuda", [card_on("both", "cpu", "cuda")], devices)
        device = devices.opened["cuda"]
        device.expect_in_flight(2)

        answers = await inference.batcher("both").submit_many([number(each) for each in range(40)], context())
        await inference.close()

        assert [int(answer.values[0]) for answer in answers] == [2 * each for each in range(40)]
        assert (device.num_loads, device.most_in_flight) == (2, 2)

    async def test_a_loss_on_one_thread_stays_known(self) -> None:
        """A batch that another thread finishes well does not make a lost device usable again."""
        devices = Devices(num_submitters=2)
        inference = await opened("cuda", [card_on("both", "cpu", "cuda")], devices)
        device = devices.opened["cuda"]
        device.fault, device.cursed = DeviceLost("gone"), frozenset({7})
        plug = await device.plugged(inference, "both")  # occupies one thread

        lost = asyncio.create_task(inference.batcher("both").submit(number(7), context()))
        await queued()
        device.gate.set()
        await plug
        with pytest.raises(DeviceLost):
            await lost
        with pytest.raises(DeviceLost):
            await inference.batcher("both").submit(number(1), context())
        await inference.close()


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

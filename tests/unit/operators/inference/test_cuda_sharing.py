"""What several models, or several outputs of one, share on an accelerator: its memory, and the copies to the host."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from operators.errors import ModelFault
from operators.inference.backend import BackendConfig
from operators.inference.backend_registry import open_backend
from operators.inference.backends.cuda import CudaBackend
from operators.inference.cuda.packing import Packing
from operators.inference.inference import Inference
from operators.inference.placement import host_opener
from tests.support.cuda_standin import StandInCuda
from tests.support.float32_settings import restored_float32  # noqa: F401  used by each test
from tests.unit.operators.inference.fakes import context, number, number_card

CARD = replace(number_card("first"), outputs=("sum", "powers", "flags"), batch_sizes=(1, 4))
WEIGHT_FLOATS = 1_000_000
ROOM_FOR_ONE = BackendConfig(device_memory_bytes=6 * WEIGHT_FLOATS)
"""Weights are nearly all that a model needs, four bytes each."""


class Three(nn.Module):
    """Three outputs of unlike shapes, and weights that count."""

    def __init__(self) -> None:
        super().__init__()
        self.ballast = nn.Parameter(torch.zeros(WEIGHT_FLOATS), requires_grad=False)

    def forward(self, numbers: Tensor) -> tuple[Tensor, ...]:
        given = numbers.float() + self.ballast[0]
        return given[:, 0], torch.cat([given, given**2, given**3], dim=1), torch.stack([given, -given], dim=2)


class TestPackedOutput:
    def test_one_copy_each_way(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """However many outputs there are: a copy between host and device costs more than its bytes."""
        device = StandInCuda()
        model = CudaBackend(BackendConfig(), device).load(CARD, Three)
        host = {model.slot.inputs((4, 1), torch.int64).host.data_ptr()}
        host.add(model.slot.outputs(model.buckets[4, 1].packed.nbytes).host.data_ptr())
        crossings, copy = [], device.copy

        def counted(target: Tensor, source: Tensor) -> None:
            crossings.append((source.data_ptr() in host, target.data_ptr() in host))
            copy(target, source)

        monkeypatch.setattr(device, "copy", counted)
        found = model.run(np.array([[2], [3], [4], [5]]))
        assert [value.shape for value in found.values] == [(4,), (4, 3), (4, 1, 2)]
        assert found.values[1].tolist() == [[n, n**2, n**3] for n in (2, 3, 4, 5)]
        assert (crossings.count((True, False)), crossings.count((False, True))) == (1, 1)

    @pytest.mark.parametrize("outputs", [(torch.ones(3),), (torch.ones(4, 2), torch.ones(1)), ()])
    def test_an_answer_of_other_rows(self, outputs: tuple[Tensor, ...]) -> None:
        """It has no place in the row of memory, so that no caller gets the numbers of another one."""
        with pytest.raises(ModelFault, match="to 4 rows"):
            Packing.of(outputs, 4)


class TestMemoryOfSeveral:
    async def test_the_last_ones_run_on_the_processor(self) -> None:
        """The budget is that of all models: what comes when it is used up runs elsewhere, and all of them answer."""
        cards = [replace(CARD, name=name) for name in ("first", "second")]
        inference = await Inference.open(
            cards,
            lambda _card: Three(),
            CudaBackend(ROOM_FOR_ONE, StandInCuda()),
            open_host=host_opener("cuda", ROOM_FOR_ONE, open_backend),
        )
        found: list[Any] = [await inference.batcher(card.name).submit(number(3), context()) for card in cards]
        await inference.close()
        assert [answer.device_seconds > 0 for answer in found] == [True, False]
        assert [answer.values[1].tolist() for answer in found] == [[3.0, 9.0, 27.0]] * 2

    def test_a_closed_one_makes_room(self) -> None:
        """Its memory is the next one's."""
        backend = CudaBackend(ROOM_FOR_ONE, StandInCuda())
        backend.load(CARD, Three).close()
        assert backend.load(replace(CARD, name="second"), Three).warm_up()

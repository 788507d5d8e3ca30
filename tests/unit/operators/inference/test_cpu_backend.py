"""Tracing is a speed-up that may not change answers; casting keeps to the modules' convention."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.card import Card
from operators.errors import DeviceFault
from operators.inference.backend import BackendConfig
from operators.inference.backends.cpu import CpuBackend, CpuModel
from operators.inference.precision_wrapper import PrecisionWrapper, warm_up_batch
from tests.unit.operators.inference.fakes import number_card


def card(outputs: tuple[str, ...] = ("sum",)) -> Card:
    return replace(
        number_card("tiny", (1, 2, 4)),
        input_shape=(3,),
        input_dtype="float32",
        outputs=outputs,
        precisions=("bfloat16", "float32"),
    )


def loaded(module: nn.Module) -> CpuModel:
    model = CpuBackend(BackendConfig()).load(card(), lambda: module)
    model.compile()
    return model


class Summing(nn.Module):
    def forward(self, batch: Tensor) -> tuple[Tensor, ...]:
        return (batch.sum(dim=1),)


class BakingShapes(nn.Module):
    """Reads its batch size as a Python number, which tracing keeps as a constant."""

    def forward(self, batch: Tensor) -> tuple[Tensor, ...]:
        return (batch.sum(dim=1) * float(batch.shape[0]),)


class AnsweringOtherwise(nn.Module):
    """Answers differently while it is traced."""

    def forward(self, batch: Tensor) -> tuple[Tensor, ...]:
        return (batch.sum(dim=1) + (1.0 if torch._C._is_tracing() else 0.0),)


class Untraceable(nn.Module):
    def forward(self, batch: Tensor) -> tuple[Tensor, ...]:
        if torch._C._is_tracing():
            raise RuntimeError("no traces please")
        return (batch.sum(dim=1),)


class TestCompile:
    def test_traces_what_can_be_traced(self, caplog: pytest.LogCaptureFixture) -> None:
        """A plain module is traced without a word."""
        model = loaded(Summing())
        assert [record.message for record in caplog.records if record.name.startswith("operators.")] == []
        assert all(isinstance(forward, torch.jit.ScriptFunction) for forward in model._forwards.values())
        model.close()

    def test_has_a_graph_of_its_own_for_every_size(self) -> None:
        """A module that reads its batch size as a number is right at every batch size of the card."""
        model = loaded(BakingShapes())
        for size in card().batch_sizes:
            batch = warm_up_batch(card(), size)
            np.testing.assert_allclose(model.run(batch).values[0], batch.sum(axis=1) * size, rtol=1e-5)
        model.close()

    def test_refuses_a_size_that_was_not_compiled(self) -> None:
        """The set of shapes is fixed."""
        model = loaded(Summing())
        with pytest.raises(DeviceFault, match=r"takes no batch \(3, 3\)"):
            model.run(np.zeros((3, 3), dtype=np.float32))
        model.close()

    @pytest.mark.parametrize(
        ("module", "reason"), [(AnsweringOtherwise(), "its answers differ by"), (Untraceable(), "no traces please")]
    )
    def test_falls_back_to_eager_and_says_why(
        self, module: nn.Module, reason: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Where tracing fails or would change an answer at some batch size, the eager module runs."""
        caplog.set_level(logging.INFO)
        model = loaded(module)
        assert reason in caplog.text
        assert "model tiny runs without compilation" in caplog.text
        batch = warm_up_batch(card(), 2)
        with torch.inference_mode():
            expected = module(torch.from_numpy(batch))[0].numpy()
        np.testing.assert_allclose(expected, model.run(batch).values[0], rtol=1e-6)
        model.close()


class TestWarmUp:
    def test_times_every_size(self) -> None:
        """Each batch size of the card has its seconds."""
        model = loaded(Summing())
        assert sorted(model.warm_up()) == [1, 2, 4]
        model.close()


class TestConfig:
    def test_refuses_bfloat16_that_the_probe_did_not_find(self) -> None:
        """Insisting on bfloat16 where it does not work or pay fails at start, with what the probe said."""
        backend = CpuBackend(BackendConfig(precision="bfloat16", cpu_note="died of signal 4"))
        with pytest.raises(ValueError, match=r"not offered.*died of signal 4"):
            backend.load(card(), Summing)

    def test_refuses_no_threads(self) -> None:
        """At least one thread is needed."""
        with pytest.raises(ValueError, match="num_threads must be at least 1, got 0"):
            CpuBackend(BackendConfig(num_threads=0))


class TestEngines:
    def test_an_engine_that_cannot_compile_a_model_leaves_it_to_torch(self) -> None:
        """And the model reports it: a fingerprint names what ran. Logs of the process stay as they were."""
        level = logging.getLogger().level
        backend = CpuBackend(BackendConfig(engine="openvino", openvino_precisions=("float32", "bfloat16")))
        model = backend.load(card(), Untraceable)
        model.compile()
        assert (model.engine, model.precision) == ("torch", "float32")
        assert logging.getLogger().level == level
        model.close()

    def test_without_a_measurement_torch_runs(self) -> None:
        """In the card's first precision that is offered."""
        config = BackendConfig(cpu_bfloat16=True, openvino_precisions=("float32", "bfloat16"))
        assert str(CpuBackend(config)._modes(card())[0]) == "torch-bfloat16"

    def test_a_module_with_a_front_keeps_it_in_torch(self) -> None:
        """The rest runs in the engine, and the answers are those of the whole module."""
        module = InTwoParts()
        backend = CpuBackend(BackendConfig(engine="openvino", openvino_precisions=("float32",)))
        model = backend.load(card(), lambda: module)
        model.compile()
        batch = warm_up_batch(card(), 4)
        with torch.inference_mode():
            expected = module(torch.from_numpy(batch))[0].numpy()
        np.testing.assert_allclose(expected, model.run(batch).values[0], rtol=1e-4, atol=1e-5)
        assert model.engine == "openvino"
        model.close()


class InTwoParts(nn.Module):
    """A front, as a spectrogram is, and a network."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.front = nn.Linear(3, 3)
        self.network = Tupled()

    def front_and_network(self) -> tuple[nn.Module, nn.Module]:
        return self.front, self.network

    def forward(self, batch: Tensor) -> tuple[Tensor, ...]:
        (answer,) = self.network(self.front(batch))
        return (answer,)


class Tupled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(3, 2)

    def forward(self, batch: Tensor) -> tuple[Tensor, ...]:
        return (self.body(batch),)


class WithFrontEnd(nn.Module):
    """Keeps its front end in float32."""

    def __init__(self) -> None:
        super().__init__()
        self.front = nn.Linear(3, 3)
        self.body = nn.Linear(3, 2)

    def cast(self, dtype: torch.dtype) -> nn.Module:
        self.body.to(dtype)
        return self

    def forward(self, batch: Tensor) -> tuple[Tensor, ...]:
        return (self.body(self.front(batch).to(self.body.weight.dtype)),)


class TestPrecisionWrapper:
    def test_casts_all_parameters(self) -> None:
        """Without a say of its own, a module's floating-point parameters take the precision."""
        trunk = PrecisionWrapper(nn.Linear(3, 3), "bfloat16")
        assert {torch.bfloat16} == {parameter.dtype for parameter in trunk.parameters()}

    def test_a_module_may_keep_its_front_end(self) -> None:
        """A module with `cast` decides what is cast; its answers come back in float32."""
        module = WithFrontEnd()
        trunk = PrecisionWrapper(module, "bfloat16")
        assert (torch.float32, torch.bfloat16) == (module.front.weight.dtype, module.body.weight.dtype)
        assert [torch.float32] == [output.dtype for output in trunk(torch.zeros(1, 3))]

    def test_float32_is_left_alone(self) -> None:
        """Nothing is cast in float32, and nothing learns."""
        module = WithFrontEnd()
        PrecisionWrapper(module, "float32")
        assert {(torch.float32, False)} == {(each.dtype, each.requires_grad) for each in module.parameters()}

"""What every backend promises, run over all of them with a tiny image model."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.card import Card
from models.tolerance import Tolerance
from operators.errors import DeviceFault
from operators.inference.backend import Backend, BackendConfig, LoadedModel
from operators.inference.backend_registry import BACKENDS, open_backend
from operators.inference.backends.cuda import CudaBackend
from operators.inference.compute_mode import Engine
from operators.inference.inference import Inference
from operators.inference.precision_wrapper import warm_up_batch
from operators.inference.remote.endpoint import parse_endpoint
from operators.inference.remote.server_options import ServerOptions
from operators.inference.request_context import RequestContext
from ops.bench.arithmetic_card import arithmetic_card
from tests.support.chat_standin import ChatStandin, pictures_of
from tests.support.cuda_standin import StandInCuda
from tests.support.float32_settings import restored_float32  # noqa: F401  used by each test
from tests.support.kserve_grpc_standin import KserveGrpcStandin
from tests.support.kserve_standin import KserveStandin, Served
from tests.support.neuron_machine import neuron_machine
from tests.support.neuron_programs import store_of

CARD = arithmetic_card(
    "tiny",
    "stands in for an image model",
    input_shape=(16, 16, 3),
    input_dtype="uint8",
    outputs=("score", "embedding"),
    batch_sizes=(1, 2, 4),
    precisions=("bfloat16", "float32"),
    devices=("cpu", "cuda", "neuron", "kserve", "openai"),
    tolerances=(Tolerance(max_difference=0.02), Tolerance(min_cosine=0.99)),
)


class TinyModel(nn.Module):
    """Pixels to a score and an embedding; brings the pixels into the precision of its weights itself."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.head = nn.Linear(8, 1)

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        image = pixels.permute(0, 3, 1, 2).to(self.head.weight.dtype) / 255
        embedding = torch.relu(self.convolution(image)).mean(dim=(2, 3))
        return torch.sigmoid(self.head(embedding))[:, 0], embedding


def tiny_model(_card: Card = CARD) -> TinyModel:
    torch.manual_seed(0)
    return TinyModel().eval()


def eager(batch: np.ndarray) -> list[np.ndarray]:
    with torch.inference_mode():
        return [output.numpy() for output in tiny_model()(torch.from_numpy(batch))]


def needs_device(name: str) -> None:
    """Skip where there is no such device, unless the run was started to test it."""
    if name == "cuda" and not torch.cuda.is_available():
        reason = "NOT TESTED: backend cuda, this machine has no CUDA device"
        if os.environ.get("VIDSIGNAL_REQUIRE_CUDA") == "1":
            pytest.fail(f"{reason}, and VIDSIGNAL_REQUIRE_CUDA=1 demands one")
        pytest.skip(reason)


CONFIGS = {
    **{name: BackendConfig(precision="float32") for name in sorted(BACKENDS)},
    "cpu with openvino": BackendConfig(precision="float32", engine="openvino", openvino_precisions=("float32",)),
    "cuda dry": BackendConfig(precision="float32"),
    "kserve over gRPC": BackendConfig(precision="float32"),
}
"""Every device, and every engine of the processor; by the device's name first. `dry` is a stand-in of the device."""

OWN_MODEL_ENGINES = {"ctranslate2"}
"""The engine of speech runs no other models; `test_speech_models.py` holds it to the same."""

SERVED = {"kserve": "kserve_config", "kserve over gRPC": "kserve_grpc_config", "openai": "openai_config"}
"""Backends whose models are on a server, and the fixtures with it."""


@pytest.fixture(scope="module")
def neuron_config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackendConfig]:
    """A machine with a stand-in of the device, and the model compiled for it in both precisions."""
    inputs = [*warm_up_batch(CARD, 3)]
    with neuron_machine(tmp_path_factory.mktemp("driver")):
        store = store_of(tmp_path_factory.mktemp("programs"), CARD, tiny_model, inputs, ("float32", "bfloat16"))
        yield BackendConfig(artefacts=store)


@pytest.fixture(scope="module")
def kserve_config() -> Iterator[BackendConfig]:
    """A server with the model, of which Triton's kind knows the largest batch."""
    served = Served(eager, CARD.input_shape, CARD.input_dtype, CARD.outputs, max_batch_size=CARD.batch_sizes[-1])
    with KserveStandin({CARD.name: served}) as server:
        yield BackendConfig(server=ServerOptions(parse_endpoint(server.base_url, ["http"]), ["127.0.0.1"]))


@pytest.fixture(scope="module")
def kserve_grpc_config() -> Iterator[BackendConfig]:
    """The same over gRPC."""
    served = Served(eager, CARD.input_shape, CARD.input_dtype, CARD.outputs, max_batch_size=CARD.batch_sizes[-1])
    with KserveGrpcStandin({CARD.name: served}) as server:
        yield BackendConfig(server=ServerOptions(parse_endpoint(server.base_url, ["grpc"]), ["127.0.0.1"]))


def chat_answer(body: dict[str, Any]) -> str:
    """What a model that sees the picture would state of it."""
    score, embedding = eager(np.stack(pictures_of(body)))
    return json.dumps({"score": float(score[0]), "embedding": embedding[0].tolist()})


@pytest.fixture(scope="module")
def openai_config() -> Iterator[BackendConfig]:
    """A chat server that knows the model's answers."""
    with ChatStandin(chat_answer) as server:
        yield BackendConfig(server=ServerOptions(parse_endpoint(server.base_url, ["http"]), ["127.0.0.1"]))


def opened(request: pytest.FixtureRequest, name: str, config: BackendConfig) -> Backend:
    """Open a backend; one whose models are compiled beforehand gets them."""
    if name == "cuda dry":
        return CudaBackend(config, StandInCuda())
    needs_device(name)
    if name == "neuron":
        compiled: BackendConfig = request.getfixturevalue("neuron_config")
        config = replace(config, artefacts=compiled.artefacts)
    if name in SERVED:
        served: BackendConfig = request.getfixturevalue(SERVED[name])
        config = replace(config, server=served.server)
    return open_backend(name.split()[0], config)


@pytest.fixture(params=CONFIGS)
def backend(request: pytest.FixtureRequest) -> Backend:
    name = request.param if request.param == "cuda dry" or request.param in SERVED else request.param.split()[0]
    return opened(request, name, CONFIGS[request.param])


def test_every_engine_is_tested() -> None:
    """A new one has to keep the same promises: an engine of the processor, and that of a device."""
    tested = {config.engine for config in CONFIGS.values()} - {"auto"} | OWN_MODEL_ENGINES
    assert tested | ({"torch"} | BACKENDS.keys()).intersection(get_args(Engine)) == set(get_args(Engine))


@pytest.fixture
def model(backend: Backend) -> Iterator[LoadedModel]:
    loaded = backend.load(CARD, tiny_model)
    loaded.compile()
    loaded.warm_up()
    yield loaded
    loaded.close()


class TestBackend:
    def test_is_known_by_its_name(self, backend: Backend) -> None:
        """The registry's word is the backend's own."""
        assert BACKENDS[backend.name](BackendConfig()).name == backend.name

    def test_runs_in_the_precision_of_the_settings(self, model: LoadedModel) -> None:
        """float32 was asked for."""
        assert model.precision == "float32"

    def test_warm_up_times_every_batch_size(self, model: LoadedModel) -> None:
        """Each size of the card was run, and took no negative time; a device may add larger ones that suit it."""
        seconds_by_size = model.warm_up()
        sizes = sorted(seconds_by_size)
        assert CARD.batch_sizes == tuple(sizes[: len(CARD.batch_sizes)])
        assert all(seconds >= 0 for seconds in seconds_by_size.values())

    @pytest.mark.parametrize("size", CARD.batch_sizes)
    def test_answers_like_the_eager_module(self, model: LoadedModel, size: int) -> None:
        """One float32 array per output, with a row per item, equal to eager float32 up to rounding."""
        batch = warm_up_batch(CARD, size)
        result = model.run(batch)
        assert len(CARD.outputs) == len(result.values)
        assert result.device_seconds >= 0
        for expected, actual in zip(eager(batch), result.values, strict=True):
            assert (np.dtype(np.float32), expected.shape) == (actual.dtype, actual.shape)
            np.testing.assert_allclose(expected, actual, rtol=1e-3, atol=1e-4)

    def test_rows_do_not_see_each_other(self, model: LoadedModel) -> None:
        """A row's answer is the same next to other rows as next to padding."""
        batch = warm_up_batch(CARD, 4)
        padded = np.zeros_like(batch)
        padded[0] = batch[0]
        for together, alone in zip(model.run(batch).values, model.run(padded).values, strict=True):
            np.testing.assert_allclose(together[0], alone[0], rtol=1e-5, atol=1e-6)

    def test_leaves_the_batch_alone(self, model: LoadedModel) -> None:
        """The caller's array is read, never written."""
        batch = warm_up_batch(CARD, 2)
        model.run(batch)
        np.testing.assert_array_equal(warm_up_batch(CARD, 2), batch)

    def test_an_answer_outlives_the_next_run(self, model: LoadedModel) -> None:
        """Results are not views of memory that the next batch overwrites."""
        first = model.run(warm_up_batch(CARD, 2)).values
        kept = [value.copy() for value in first]
        model.run(np.zeros((2, *CARD.input_shape), dtype=np.uint8))
        for expected, actual in zip(kept, first, strict=True):
            np.testing.assert_array_equal(expected, actual)

    def test_closed_is_closed(self, backend: Backend) -> None:
        """Close may be repeated; a closed model is the device's fault, not the batch's."""
        loaded = backend.load(CARD, tiny_model)
        loaded.compile()
        loaded.close()
        loaded.close()
        with pytest.raises(DeviceFault):
            loaded.run(warm_up_batch(CARD, 1))

    async def test_serves_batchers(self, backend: Backend) -> None:
        """From submit to answer on the device's own thread."""
        inference = await Inference.open([CARD], tiny_model, backend)
        batch = warm_up_batch(CARD, 4)
        outputs = await inference.batcher("tiny").submit_many(list(batch), RequestContext("v", "live", 1e9))
        await inference.drain()
        await inference.close()
        for place, expected in enumerate(eager(batch)):
            actual = np.stack([output.values[place] for output in outputs])
            np.testing.assert_allclose(expected, actual, rtol=1e-3, atol=1e-4)


class TestBfloat16:
    def test_cpu_agrees_with_float32(self) -> None:
        """In bfloat16 the traced answers stay within its rounding, and come back as float32."""
        # Without oneDNN, whose AMX kernels end the process where a hypervisor traps them; see `cpu_probe`.
        with torch.backends.mkldnn.flags(enabled=False):
            loaded = open_backend("cpu", BackendConfig(cpu_bfloat16=True)).load(CARD, tiny_model)
            loaded.compile()
            batch = warm_up_batch(CARD, 4)
            answers = loaded.run(batch).values
        assert loaded.precision == "bfloat16"
        for expected, actual in zip(eager(batch), answers, strict=True):
            assert actual.dtype == np.float32
            np.testing.assert_allclose(expected, actual, rtol=0.05, atol=0.02)

    def test_openvino_agrees_with_float32(self) -> None:
        """As above; it computes in float32 where the processor has no fast bfloat16."""
        config = BackendConfig(precision="bfloat16", engine="openvino", openvino_precisions=("bfloat16",))
        loaded = open_backend("cpu", config).load(CARD, tiny_model)
        loaded.compile()
        batch = warm_up_batch(CARD, 4)
        assert (loaded.engine, loaded.precision) == ("openvino", "bfloat16")
        for expected, actual in zip(eager(batch), loaded.run(batch).values, strict=True):
            assert actual.dtype == np.float32
            np.testing.assert_allclose(expected, actual, rtol=0.05, atol=0.02)
        loaded.close()

    @pytest.mark.parametrize("name", ["cuda dry", *sorted(BACKENDS.keys() - {"cpu"})])
    def test_accelerators_agree_with_float32(self, name: str, request: pytest.FixtureRequest) -> None:
        """In bfloat16 the answers stay within its rounding, and come back as float32; one without it reports it."""
        backend = opened(request, name, BackendConfig(precision="bfloat16"))
        try:
            loaded = backend.load(CARD, tiny_model)
        except ValueError as error:
            assert "'bfloat16' is not offered by this device" in str(error)
            return
        loaded.compile()
        batch = warm_up_batch(CARD, 4)
        for expected, actual in zip(eager(batch), loaded.run(batch).values, strict=True):
            assert actual.dtype == np.float32
            np.testing.assert_allclose(expected, actual, rtol=0.05, atol=0.02)
        loaded.close()


class TestRegistry:
    def test_refuses_an_unknown_device(self) -> None:
        """The allowed words are quoted."""
        with pytest.raises(ValueError, match=re.escape(f"one of {sorted(BACKENDS)}, got 'abacus'")):
            open_backend("abacus", BackendConfig())

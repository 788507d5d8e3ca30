"""A compiled model is taken up for exactly what it was compiled for, answers alike, and is else compiled again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.card import Card, ModelSource
from models.model_files import WeightFile
from operators.inference import graph_cache
from operators.inference.backend import BackendConfig
from operators.inference.backends.cpu import CpuBackend, CpuModel
from operators.inference.compute_mode import REFERENCE_MODE
from operators.inference.graph_cache import GraphCache, machine_facts
from operators.inference.precision_wrapper import warm_up_batch
from operators.inference.private_cache import PrivateCache
from tests.documents import REPOSITORY
from tests.unit.operators.inference.fakes import number_card

WEIGHTS = WeightFile("package==1", "weights", "a" * 64)
CARD = replace(
    number_card("tiny", (1, 2, 4)),
    input_shape=(8, 8, 3),
    input_dtype="uint8",
    outputs=("score", "embedding"),
    files=(WEIGHTS,),
)


class Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.convolution = nn.Conv2d(3, 8, 3)
        self.head = nn.Linear(8, 1)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        image = pixels.permute(0, 3, 1, 2).to(self.head.weight.dtype) / 255
        embedding = torch.relu(self.convolution(image)).mean(dim=(2, 3))
        return torch.sigmoid(self.head(embedding))[:, 0], embedding


class ReadingItsSize(nn.Module):
    """Has to have a graph for each size."""

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        score = pixels.float().mean(dim=(1, 2, 3)) * float(pixels.shape[0])
        return score, score[:, None]


class Builds:
    """Counts how often a module is built."""

    def __init__(self, make: Callable[[], nn.Module] = Tiny) -> None:
        self._make = make
        self.count = 0

    def __call__(self) -> nn.Module:
        self.count += 1
        return self._make().eval()


@pytest.fixture
def files(tmp_path: Path) -> PrivateCache:
    return PrivateCache(tmp_path / "compiled", 2**20)


def opened(files: PrivateCache, build: Builds, card: Card = CARD, *, num_threads: int = 1) -> CpuModel:
    backend = CpuBackend(BackendConfig(num_threads=num_threads, graphs=GraphCache(files)))
    model = backend.load(card, build)
    model.compile()
    model.warm_up()
    return model


def was_built(files: PrivateCache, card: Card = CARD, *, num_threads: int = 1) -> bool:
    """Open as a next process would; whether it had to compile."""
    build = Builds()
    opened(files, build, card, num_threads=num_threads).close()
    return build.count > 0


def only_entry(files: PrivateCache) -> Path:
    (entry,) = files.folder.iterdir()
    return entry


def test_an_added_model_leaves_nothing(files: PrivateCache) -> None:
    """It runs as its file says and is built from checked files at each start; nothing of it is stored or recalled."""
    source = ModelSource("torchscript", Path("mine/card.toml"))
    added = replace(CARD, model=source, digest="0" * 64)
    opened(files, Builds(), CARD).close()
    kept = sorted(files.folder.iterdir())

    assert was_built(files, added)
    assert was_built(files, added)
    assert sorted(files.folder.iterdir()) == kept


class TestTakenUp:
    def test_engines_have_entries_of_their_own(self, files: PrivateCache) -> None:
        """Neither takes up a graph of the other, and both find their own again."""
        config = BackendConfig(graphs=GraphCache(files), engine="openvino", openvino_precisions=("float32",))
        for count in (1, 0):
            build = Builds()
            opened(files, Builds()).close()
            model = CpuBackend(config).load(CARD, build)
            model.compile()
            assert (model.engine, build.count) == ("openvino", count)
            model.warm_up()
            model.close()

    @pytest.mark.parametrize("make", [Tiny, ReadingItsSize])
    def test_answers_bit_for_bit_alike(self, files: PrivateCache, make: Callable[[], nn.Module]) -> None:
        """What compiled a model and what takes it up run the same graphs, at every batch size."""
        build, not_called = Builds(make), Builds(make)
        first, second = opened(files, build), opened(files, not_called)
        assert (build.count, not_called.count) == (1, 0)
        for size in CARD.batch_sizes:
            batch = warm_up_batch(CARD, size)
            for ours, theirs in zip(first.run(batch).values, second.run(batch).values, strict=True):
                np.testing.assert_array_equal(ours, theirs)

    def test_answers_like_the_eager_module(self, files: PrivateCache) -> None:
        """At sizes that are prepared at start and at those that are prepared in use."""
        opened(files, Builds()).close()
        model, module = opened(files, Builds()), Tiny().eval()
        for size in CARD.batch_sizes:
            batch = warm_up_batch(CARD, size)
            with torch.inference_mode():
                expected = [output.numpy() for output in module(torch.from_numpy(batch))]
            for eager, taken_up in zip(expected, model.run(batch).values, strict=True):
                np.testing.assert_allclose(eager, taken_up, rtol=1e-4, atol=1e-5)

    def test_keeps_the_measured_seconds(self, files: PrivateCache) -> None:
        """Batch sizes are chosen by what the first start measured."""
        first = CpuBackend(BackendConfig(graphs=GraphCache(files))).load(CARD, Builds())
        first.compile()
        measured = first.warm_up()
        second = CpuBackend(BackendConfig(graphs=GraphCache(files))).load(CARD, Builds())
        second.compile()
        assert second.warm_up() == measured

    def test_weights_are_held_once(self, files: PrivateCache) -> None:
        """Batch sizes share one graph where the module allows it: the entry is hardly larger than its weights."""
        big = Builds(lambda: nn.Sequential(nn.Flatten(), ToFloat(), nn.Linear(192, 1000), Twice()))
        opened(files, big).close()
        assert only_entry(files).stat().st_size < 1.5 * 4 * 192 * 1000

    def test_without_a_cache_nothing_is_kept(self, tmp_path: Path) -> None:
        """Modules that are not the registry's are compiled each time."""
        build = Builds()
        for _ in range(2):
            model = CpuBackend(BackendConfig()).load(CARD, build)
            model.compile()
            model.warm_up()
        assert build.count == 2
        assert list(tmp_path.iterdir()) == []


class ToFloat(nn.Module):
    def forward(self, pixels: Tensor) -> Tensor:
        return pixels.float()


class Twice(nn.Module):
    def forward(self, values: Tensor) -> tuple[Tensor, Tensor]:
        return values[:, 0], values


class TestKey:
    def test_the_same_is_found(self, files: PrivateCache) -> None:
        """A second start does not compile."""
        assert was_built(files)
        assert not was_built(files)

    @pytest.mark.parametrize(
        "other",
        [
            replace(CARD, files=(replace(WEIGHTS, sha256="b" * 64),)),
            replace(CARD, version="2"),
            replace(CARD, batch_sizes=(1, 2)),
        ],
    )
    def test_other_weights_or_shapes_are_not(self, files: PrivateCache, other: Card) -> None:
        """The card decides, with the digest of the weights on it."""
        opened(files, Builds()).close()
        assert was_built(files, other)

    def test_other_threads_are_not(self, files: PrivateCache) -> None:
        """Kernels and timings are of a number of threads."""
        opened(files, Builds()).close()
        assert was_built(files, num_threads=2)

    def test_other_code_is_not(self, files: PrivateCache, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whatever changed in a module's source or in what compiles it."""
        opened(files, Builds()).close()
        monkeypatch.setattr(graph_cache, "code_digest", lambda: "other")
        assert was_built(files)

    def test_another_processor_is_not(self, files: PrivateCache, monkeypatch: pytest.MonkeyPatch) -> None:
        """A cache may lie on a disk that several machines share."""
        opened(files, Builds()).close()
        monkeypatch.setattr(graph_cache, "cpu_facts", lambda: ["model name: other"])
        assert was_built(files)

    def test_another_torch_is_not(self, files: PrivateCache, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its archives and its kernels are its own."""
        opened(files, Builds()).close()
        monkeypatch.setattr(graph_cache, "version", lambda _name: "2.12.0")
        assert was_built(files)

    def test_what_steers_torch_counts(self) -> None:
        """An instruction set limit is part of the machine; other variables are not."""
        plain, limited = machine_facts({"HOME": "/a"}), machine_facts({"ONEDNN_MAX_CPU_ISA": "AVX2"})
        assert plain == machine_facts({"HOME": "/b"})
        assert plain != limited

    def test_code_is_that_of_all_models(self) -> None:
        """The digest is of sources that are there."""
        assert len(graph_cache.code_digest()) == 64

    def test_every_backend_and_every_format_is_in_the_digest(self) -> None:
        """What was measured or compiled by other code says nothing, whichever device and model it is of."""
        files = {path.relative_to(REPOSITORY).as_posix() for path in graph_cache.code_files()}
        backends = {path.name for path in (REPOSITORY / "operators/inference/backends").glob("*.py")}
        assert {f"operators/inference/backends/{name}" for name in backends} <= files
        assert {"models/formats/transformers_models.py", "models/yamnet.py"} <= files


class TestDamage:
    def test_a_damaged_entry_is_compiled_again(self, files: PrivateCache) -> None:
        """And written again."""
        opened(files, Builds()).close()
        entry = only_entry(files)
        entry.write_bytes(entry.read_bytes()[:-1])
        assert was_built(files)
        assert not was_built(files)

    @pytest.mark.parametrize("content", [b"", b"\x80", b"no model at all"])
    def test_whole_nonsense_is_compiled_again(self, files: PrivateCache, content: bytes) -> None:
        """A right digest does not make a model."""
        opened(files, Builds()).close()
        files.write(only_entry(files).name, content)
        assert was_built(files)
        assert not was_built(files)

    def test_a_graph_that_does_not_load_is_compiled_again(
        self, files: PrivateCache, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Said in the log, and not fatal."""
        caplog.set_level(logging.WARNING)
        opened(files, Builds()).close()
        files.write(only_entry(files).name, files.read(only_entry(files).name).replace(b"PK", b"KP"))  # type: ignore[union-attr]
        assert was_built(files)
        assert "recompiling model tiny" in caplog.text

    @pytest.mark.parametrize("is_at_start", [True, False])
    def test_a_graph_that_answers_otherwise_is_compiled_again(self, files: PrivateCache, is_at_start: bool) -> None:
        """An entry is compared with what the eager module said, of each size before its first use."""
        opened(files, Builds()).close()
        graphs = GraphCache(files)
        compiled = graphs.recall(CARD, REFERENCE_MODE, 1)
        assert compiled is not None
        size = CARD.batch_sizes[0] if is_at_start else CARD.batch_sizes[-1]
        shape = (size, *CARD.input_shape)
        wrong = tuple(bytes(len(raw)) for raw in compiled.answers[shape])
        planted = type(compiled)(
            compiled.is_fused, compiled.graphs, {**compiled.answers, shape: wrong}, compiled.seconds_by_size
        )
        graphs.keep(CARD, REFERENCE_MODE, 1, planted)
        build = Builds()
        model = opened(files, build)
        assert build.count == int(is_at_start)
        model.run(warm_up_batch(CARD, size))
        assert build.count == 1
        if not is_at_start:
            assert graphs.recall(CARD, REFERENCE_MODE, 1) is None, "the next start would take it up again"

"""`bench device` runs dry: each phase in its smallest form, over a stand-in of the device. Its figures mean nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.card import Card
from models.card_registry import CARDS
from models.model_files import WeightFile
from models.tolerance import Tolerance
from models.weights import cached_weight, file_sha256
from operators.inference.precision_wrapper import PrecisionWrapper, warm_up_batch
from operators.inference.reference_inputs import FILE_NAME, name_of_inputs
from ops.bench.device import __main__ as command
from ops.bench.device import pack
from ops.bench.device.carried import (
    INPUTS,
    MAX_BYTES,
    MIX,
    CarriedModel,
    items_per_video,
    measured_models,
    random_module,
)
from ops.bench.device.parity import parity_figures
from ops.bench.device.phases import ALL_RAN, measure
from ops.bench.device.stage import DeviceStage, PhaseLengths
from ops.bench.report import BenchReport
from tests.support.cuda_standin import CaptureRules, StandInCuda
from tests.support.float32_settings import restored_float32  # noqa: F401  used by each test
from tests.unit.operators.inference.fakes import number_card

LENGTHS = PhaseLengths(
    compared_items=6, throughput_seconds=0.02, busy_seconds=0.05, lane_seconds=0.05, latency_items=3, busy_videos=2
)
CARD = replace(
    number_card("tiny"),
    input_shape=(6,),
    input_dtype="float32",
    outputs=("scores",),
    batch_sizes=(1, 4),
    precisions=("float32", "bfloat16"),
    tolerances=(Tolerance(max_difference=0.05),),
)


COMPANIONS = {
    *("torch", "torchgen", "torchvision", "torchaudio", "functorch", "numpy", "cv2", "tokenizers", "rich", "tqdm"),
    *("typing_extensions", "safetensors", "h5py", "onnx", "psutil", "yaml", "sympy", "mpmath", "pygments", "google"),
    *("markdown_it", "mdurl", "PIL", "packaging", "ml_dtypes", "huggingface_hub"),
}
"""Packages of images with torch, by the names that are imported."""


class Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 3)

    def forward(self, numbers: Tensor) -> tuple[Tensor, ...]:
        return (torch.tanh(self.layer(numbers.to(self.layer.weight.dtype))),)


def tiny() -> Tiny:
    torch.manual_seed(0)
    return Tiny().eval()


def stage_of(*models: CarriedModel) -> DeviceStage:
    return DeviceStage(
        models=models,
        items_per_video={each.card.name: 2 for each in models},
        lengths=LENGTHS,
        open_runtime=lambda: StandInCuda(seconds_of=lambda rows: 1e-4 * rows),
        energy=lambda: None,
        say=lambda line: None,
    )


def model_of(build: Any = tiny) -> CarriedModel:
    return CarriedModel(CARD, build, list(np.random.default_rng(0).standard_normal((5, 6)).astype(np.float32)))


def dry_run(*, child: str = "pass", stage: DeviceStage | None = None) -> tuple[BenchReport, list[BenchReport]]:
    kept: list[BenchReport] = []
    report = measure(stage or stage_of(model_of()), {"device": "none"}, [sys.executable, "-c", child], kept.append)
    return report, kept


class TestPhases:
    def test_all_run(self) -> None:
        """Each bar of the benchmark has its figure, and a report is kept after each phase."""
        report, kept = dry_run()
        bounds = {figure.name: figure for figure in report.figures if figure.bound is not None}
        assert {
            "tiny: product over bare replays",
            "tiny: product over eager",
            "mix: device busy",
            "a lone item: added to its kernels, median",
            "live while backfill runs over alone, p99",
            "a full device is survived",
            "a broken context is lost for its process",
            "tiny, float32, batches of 4: relative error",
        } <= bounds.keys()
        exact = [figure for name, figure in bounds.items() if "relative error" in name or "tolerance" in name]
        assert len(exact) >= 6 and all(figure.holds for figure in exact)
        assert [figure.holds for name, figure in bounds.items() if "survived" in name or "lost" in name] == [True] * 2
        assert bounds[ALL_RAN].holds and len(kept) == 5

    def test_a_phase_that_fails(self) -> None:
        """The others run, their figures stay, and the run does not pass."""

        class Unstable(Tiny):
            def forward(self, numbers: Tensor) -> tuple[Tensor, ...]:
                if numbers.shape[0] == LENGTHS.compared_items:
                    raise ValueError("no reference")
                return super().forward(numbers)

        report, _ = dry_run(stage=stage_of(model_of(Unstable)))
        assert any("parity ended early" in remark and "no reference" in remark for remark in report.remarks)
        assert any(figure.name == "mix: device busy" for figure in report.figures)
        assert not report.all_hold

    def test_a_context_that_is_not_recognised(self) -> None:
        """The child's exit code decides."""
        report, _ = dry_run(child="raise SystemExit(1)")
        assert [f.holds for f in report.figures if f.name == "a broken context is lost for its process"] == [False]


class TestParity:
    def test_other_answers_are_found(self) -> None:
        """A device that computes something else breaks the bound of float32, and the card's tolerance."""
        builds = iter([tiny(), *(Tiny().eval() for _ in range(9))])
        figures = list(parity_figures(stage_of(model_of(lambda: next(builds)))))
        assert [figure.holds for figure in figures if "relative error" in figure.name] == [False, False]

    def test_tf32_would_be_found(self) -> None:
        """Ten bits of a product's operands are too few for the bound of float32."""

        def rounded() -> Tiny:
            module = tiny()
            module.layer.weight.data = (module.layer.weight.data.view(torch.int32) & ~0x1FFF).view(torch.float32)
            return module

        builds = iter([tiny(), *(rounded() for _ in range(9))])
        figures = list(parity_figures(stage_of(model_of(lambda: next(builds)))))
        assert [figure.holds for figure in figures if "relative error" in figure.name] == [False, False]


class TestPack:
    @pytest.fixture
    def cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Two models with weights of 2,000 and 5,000 bytes."""
        cards = []
        (tmp_path / "cache").mkdir()
        for name, num_bytes in (("large", 5_000), ("small", 2_000)):
            file = WeightFile(f"{name}==1", "weights.bin", "")
            path = cached_weight(file, tmp_path / "cache")
            path.parent.mkdir(parents=True)
            path.write_bytes(b"x" * num_bytes)
            cards.append(replace(CARD, name=name, files=(replace(file, sha256=file_sha256(path)),)))
        monkeypatch.setattr(pack, "cards", lambda: tuple(cards))
        np.savez(tmp_path / "cache" / FILE_NAME, **{card.name: np.zeros((2, 6), dtype=np.float32) for card in cards})
        return tmp_path / "cache"

    def packed(self, cache: Path, folder: Path, left_bytes: int) -> tuple[str, ...]:
        tree_bytes = MAX_BYTES - pack.SPARE_BYTES - left_bytes
        return pack.pack(folder, cache, {"large": 2.4}, tree_bytes)

    def test_everything_fits(self, cache: Path, tmp_path: Path) -> None:
        """Weights lie where a loader looks for them."""
        assert self.packed(cache, tmp_path / "out", 20_000) == ()
        assert {path.name for path in (tmp_path / "out").rglob("*") if path.is_file()} == {INPUTS, MIX, "weights.bin"}
        assert json.loads((tmp_path / "out" / MIX).read_text()) == {"large": 2.4}

    def test_the_largest_is_left_out(self, cache: Path, tmp_path: Path) -> None:
        """It runs with random weights."""
        assert self.packed(cache, tmp_path / "out", 5_000) == ("large",)

    def test_inputs_alone_do_not_fit(self, cache: Path, tmp_path: Path) -> None:
        """Then there is nothing to measure with."""
        with pytest.raises(ValueError, match="allowed are"):
            self.packed(cache, tmp_path / "out", 100)

    def test_models_that_share_stored_frames(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Frames that several models take are stored once, under the first one's name; all are packed with them."""
        found = [replace(card, files=()) for card in pack.cards()]
        monkeypatch.setattr(pack, "cards", lambda: tuple(found))
        stored = {name_of_inputs(card, CARDS): np.zeros((1, 2), dtype=np.float32) for card in found}
        np.savez(tmp_path / FILE_NAME, **stored)  # type: ignore[arg-type]
        assert len(stored) < len(found)
        self.packed(tmp_path, tmp_path / "out", 50_000)
        with np.load(tmp_path / "out" / INPUTS) as packed:
            assert set(packed.files) == {card.name for card in found}


class TestCarried:
    def test_models_without_weights_are_random(self, tmp_path: Path) -> None:
        """Every model that may run on the device is measured, of the product's own architecture."""
        cards = pack.cards()
        inputs = {card.name: np.ones((2, *card.input_shape), dtype=card.input_dtype) for card in cards}
        np.savez(tmp_path / INPUTS, **inputs)  # type: ignore[arg-type]
        (tmp_path / MIX).write_text(json.dumps({cards[0].name: 7.6}))
        models = measured_models(tmp_path)
        assert [model.card.name for model in models] == [card.name for card in cards]
        assert not any(model.has_weights for model in models)
        assert items_per_video(tmp_path, models)[cards[0].name] == 8
        assert sum(1 for _ in models[-1].build().parameters()) > 10


class TestCommand:
    @pytest.mark.parametrize(("required", "code"), [("1", 1), ("0", command.NO_DEVICE)])
    def test_no_device(self, required: str, code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Nothing is measured, which is said; who demands a device gets a failure."""
        monkeypatch.setenv("VIDSIGNAL_REQUIRE_CUDA", required)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        assert command.main([str(tmp_path)]) == code

    def test_a_bare_machine_suffices(self) -> None:
        """Nothing is imported but what comes with torch's usual companions, and what is carried."""
        code = (
            "import sys, ops.bench.device.phases, ops.bench.device.carried, ops.bench.device.facts, models.loaders\n"
            "found = ((name, getattr(module, '__file__', None) or '') for name, module in list(sys.modules.items()))\n"
            "print(*{name.partition('.')[0] for name, file in found if 'site-packages' in file})"
        )
        found = subprocess.run(
            [sys.executable, "-P", "-c", code], check=True, timeout=300, capture_output=True, text=True
        )
        needed = {name for name in found.stdout.split() if not name.startswith(("_", "sitecustomize"))}
        assert needed - COMPANIONS == set(pack.PACKAGES)


class TestCapture:
    @pytest.mark.parametrize("card", pack.cards(), ids=lambda card: card.name)
    def test_no_model_looks_at_values(self, card: Card) -> None:
        """Nor does one make tensors on the host: a graph can be captured of every model of the device."""
        module = PrecisionWrapper(random_module(card), "float32")
        batch = torch.from_numpy(warm_up_batch(card, 1, card.item_shapes[0]))
        with torch.inference_mode(), CaptureRules():
            assert len(module(batch)) == len(card.outputs)

    @pytest.mark.parametrize("look", [lambda values: values.sum().item(), lambda values: values + torch.arange(2)])
    def test_a_look_would_be_noticed(self, look: Any) -> None:
        """The check above can fail."""
        with pytest.raises(torch.AcceleratorError), CaptureRules():
            look(torch.ones(2))

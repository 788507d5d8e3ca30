"""`bench device` runs dry: each phase in its smallest form, over a stand-in of the device. Its figures mean nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.card import Card
from models.tolerance import Tolerance
from operators.errors import ModelFault
from operators.inference.backend import BackendConfig
from operators.inference.backends.cuda import CudaBackend
from operators.inference.precision_wrapper import PrecisionWrapper, warm_up_batch
from ops.assets import default_cache_dir, fetch_weights
from ops.bench.device import __main__ as command
from ops.bench.device import pack
from ops.bench.device.carried import MIX, CarriedModel, random_module
from ops.bench.device.faults import break_context
from ops.bench.device.parity import parity_figures
from ops.bench.device.phases import ALL_RAN, DevicePhase, measure, phases_of
from ops.bench.device.stage import DeviceStage, PhaseLengths
from ops.bench.report import BenchReport, Figure
from tests import device_dry_run
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
    *("typing_extensions", "safetensors", "h5py", "onnx", "yaml", "sympy", "mpmath", "pygments", "google"),
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
    phases = phases_of(stage or stage_of(model_of()), [sys.executable, "-c", child])
    return measure(phases, {"device": "none"}, kept.append), kept


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


class TestBudget:
    """Eight minutes, of which each phase leaves the later ones their share."""

    def measured(self, clock: list[float], *ends: float) -> BenchReport:
        """Run phases of three steps, each of which takes 100 s."""

        def step(name: str) -> list[Figure]:
            clock[0] += 100
            return [Figure(name, 1.0, "")]

        phases = [
            DevicePhase(f"p{number}", [lambda name=f"p{number}.{each}": step(name) for each in range(3)], end)  # type: ignore[misc]
            for number, end in enumerate(ends)
        ]
        return measure(phases, {}, lambda report: None, clock=lambda: clock[0])

    def test_no_step_begins_after_the_end_of_its_phase(self) -> None:
        """What was measured before is kept, the next phase begins, and the run does not pass."""
        report = self.measured([7.0], 150.0, 1_000.0)
        assert [figure.name for figure in report.figures] == ["p0.0", "p0.1", "p1.0", "p1.1", "p1.2", ALL_RAN]
        assert report.remarks == ("p0 ended after 2 of 3 steps: 150 s have passed",)
        assert not report.all_hold

    def test_what_ends_late_has_ended(self) -> None:
        """A last step that began in time counts, however long it took."""
        report = self.measured([0.0], 250.0)
        assert (report.remarks, report.all_hold) == ((), True)

    def test_the_time_before_counts(self) -> None:
        """Loading of torch and the ceilings of the device are a part of the eight minutes."""
        phase = DevicePhase("late", [lambda: [Figure("never", 1.0, "")]], 10.0)
        report = measure([phase], {}, lambda report: None, began=0.0, clock=lambda: 11.0)
        assert [figure.name for figure in report.figures] == [ALL_RAN]

    def test_the_products_phases_leave_time(self) -> None:
        """None begins in the last half minute, and each has an end of its own, in order."""
        ends = [phase.ends_after_seconds for phase in phases_of(stage_of(model_of()), [])]
        assert ends == sorted(set(ends)) and ends[-1] <= 450.0


class TestFaults:
    def test_a_broken_context_is_lost(self) -> None:
        """A device whose assertion fails for one index is lost for the items after it, too."""
        backend = CudaBackend(BackendConfig(), device_dry_run.standin())
        assert break_context(backend) == 0

    def test_a_device_that_goes_on_is_no_broken_context(self) -> None:
        """The check can fail: there the wrong index is the fault of one item."""

        class Forgiving(device_dry_run.AssertingCuda):
            def fail_if_told(self) -> None:
                self.dead = None

        def without_assertions(device: StandInCuda, work: Any) -> None:
            try:
                work()
            except IndexError as error:
                raise ModelFault("no such row") from error

        Forgiving._asserted = without_assertions  # type: ignore[method-assign]
        assert break_context(CudaBackend(BackendConfig(), Forgiving())) == 1


class TestParity:
    def test_other_answers_are_found(self) -> None:
        """A device that computes something else breaks the bound of float32, and the card's tolerance."""
        builds = iter([tiny(), *(Tiny().eval() for _ in range(9))])
        figures = list(parity_figures(stage_of(), model_of(lambda: next(builds))))
        assert [figure.holds for figure in figures if "relative error" in figure.name] == [False, False]

    def test_tf32_would_be_found(self) -> None:
        """Ten bits of a product's operands are too few for the bound of float32."""

        def rounded() -> Tiny:
            module = tiny()
            module.layer.weight.data = (module.layer.weight.data.view(torch.int32) & ~0x1FFF).view(torch.float32)
            return module

        builds = iter([tiny(), *(rounded() for _ in range(9))])
        figures = list(parity_figures(stage_of(), model_of(lambda: next(builds))))
        assert [figure.holds for figure in figures if "relative error" in figure.name] == [False, False]


class TestCommand:
    @pytest.mark.parametrize(("required", "code"), [("1", 1), ("0", command.NO_DEVICE)])
    def test_no_device(self, required: str, code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Nothing is measured, which is said; who demands a device gets a failure."""
        monkeypatch.setenv("VIDSIGNAL_REQUIRE_CUDA", required)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        assert command.main([str(tmp_path)]) == code

    def test_the_folder_of_reports_is_made(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Before anything is measured: a minute of the device is too much for a report that cannot be written."""
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        command.main([str(tmp_path), str(tmp_path / "new" / "out")])
        assert (tmp_path / "new" / "out").is_dir()

    @pytest.mark.parametrize("is_other", [False, True], ids=["as it is", "other answers"])
    def test_a_dry_run_of_a_carried_folder(
        self, is_other: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """It passes as a whole, with the broken context in a process of its own; a device that answers otherwise
        fails it."""
        seeds = count()

        def build() -> nn.Module:
            torch.manual_seed(next(seeds) if is_other else 0)
            return Tiny().eval()

        model = replace(model_of(), build=build)
        monkeypatch.setattr(device_dry_run, "measured_models", lambda folder: (model,))
        (tmp_path / MIX).write_text("{}")
        assert device_dry_run.main([str(tmp_path), str(tmp_path / "out")]) == is_other
        kept = json.loads((tmp_path / "out" / command.REPORT).read_text())
        found = {figure["name"]: figure["value"] for figure in kept["figures"]}
        assert (found[ALL_RAN], found["a broken context is lost for its process"]) == (5, 1)

    def test_a_bare_machine_suffices(self) -> None:
        """Nothing is imported but torch's usual companions, and what is carried; also not while weights are read."""
        fetch_weights(default_cache_dir())
        code = (
            "import sys, ops.bench.device.phases, ops.bench.device.carried, ops.bench.device.facts\n"
            "from ops.bench.device import carried, pack\n"
            f"for card in pack.cards(): carried._trained(card, carried.Path({str(default_cache_dir())!r}))\n"
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

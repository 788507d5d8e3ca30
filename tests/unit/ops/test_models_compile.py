"""`vidsignal models compile`: what a build step sees, with and without the vendor's packages."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from operators.inference.reference_inputs import FILE_NAME
from ops.cli.exit_codes import ExitCode
from ops.cli.main import app
from tests.support.neuron_machine import neuron_machine
from tests.support.tiny_models import CARD, SIDE_PX, torchscript_card

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
RUNS = '\n[runs]\nbatch_sizes = [1]\ndevices = ["cpu", "neuron"]\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A cache with real inputs, and an added model that may run on the device."""
    torchscript_card(tmp_path / "models" / "mine", text=CARD.replace("\n[input]", f"{RUNS}\n[input]", 1))
    frames = np.random.default_rng(0).integers(0, 256, (4, SIDE_PX, SIDE_PX, 3), np.uint8)
    (tmp_path / "cache").mkdir()
    np.savez(tmp_path / "cache" / FILE_NAME, **{"efficientnet-lite0": frames})
    return tmp_path


def typed(folder: Path, *words: str) -> Result:
    environment = {
        "VIDSIGNAL_MODEL_CARDS": str(folder / "models"),
        "VIDSIGNAL_TRUSTED_MODEL_FOLDERS": str(folder / "models"),
        "VIDSIGNAL_CACHE_DIR": str(folder / "cache"),
        "VIDSIGNAL_NEURON_DIR": str(folder / "programs"),
    }
    return CliRunner().invoke(app, ["models", "compile", *words], env=environment)


def test_compiles_in_a_child_and_only_once(folder: Path) -> None:
    """Without a device; the second run finds what the first one stored, and reports it to programs as well."""
    with neuron_machine(folder) as machine:
        (folder / "core-0.lock").mkdir()  # anyone who took a core would fail
        first, second = typed(folder, "mine"), typed(folder, "mine", "--json")
        assert machine.runtime.cores == []
    assert first.exit_code == 0, first.output
    assert "mine 1x" in first.output and "compiled in" in first.output
    (found,) = json.loads(second.stdout)
    assert (found["model"], found["target"], found["seconds"], found["trouble"]) == ("mine", "inf2", 0.0, "")
    assert found["bytes"] > 0


def test_models_of_the_processor(folder: Path) -> None:
    """A model whose card excludes the device is named, and is no fault."""
    told = typed(folder, "toxicity")
    assert (told.exit_code, "toxicity: runs on the processor" in told.output) == (0, True)


def test_without_the_packages(folder: Path) -> None:
    """The exit code of something that is unavailable, and the name of the package."""
    told = typed(folder, "mine")
    assert told.exit_code == ExitCode.UNAVAILABLE
    assert "torch-neuronx is not installed" in told.output


@pytest.mark.parametrize(
    ("plan", "words", "reason"),
    [
        ({"is_compiler_segfaulting": True}, (), "died of SIGSEGV"),
        ({"compile_seconds": 3600.0}, ("--max-seconds", "1"), "took longer than 1 seconds"),
    ],
)
def test_a_compiler_that_crashes_or_does_not_end(
    folder: Path, plan: dict[str, object], words: tuple[str, ...], reason: str
) -> None:
    """It costs this batch size: the command goes on, says why, and ends with the exit code of a finding."""
    with neuron_machine(folder) as machine, machine.planned(**plan):
        told = typed(folder, "mine", "--json", *words)
    assert told.exit_code == ExitCode.FOUND, told.output
    (found,) = json.loads(told.stdout)
    assert reason in found["trouble"]

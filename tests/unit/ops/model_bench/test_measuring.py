"""`models measure` chooses the mode of each model before a worker starts, and says what it could not measure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor, nn

from models.tolerance import Tolerance
from operators.inference.cpu_probe import CpuCapabilities
from operators.inference.reference_inputs import FILE_NAME
from ops.assets.reference_inputs import _frames, _sound, frames_each
from ops.cli.models_measure import engines_setting
from ops.model_bench.measuring import MeasuredModel, measure_models
from streams.config.settings import Settings, read_settings
from tests.hostile_media import write_video
from tests.unit.operators.inference.fakes import number_card

CARD = replace(
    number_card("tiny", (1, 2)), input_shape=(3,), input_dtype="float32", outputs=("sum",),
    precisions=("float32", "bfloat16"), tolerances=(Tolerance(max_difference=1.0),),
)  # fmt: skip
FIXED = replace(CARD, name="fixed", precisions=("float32",))
ELSEWHERE = replace(CARD, name="elsewhere", devices=("neuron",))


class Summing(nn.Module):
    def forward(self, batch: Tensor) -> tuple[Tensor, ...]:
        return (batch.sum(dim=1),)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of a worker in a container, on a processor with bfloat16 and without OpenVINO."""
    monkeypatch.setattr("streams.lifecycle.process_setup.prepare_process", lambda _: CpuCapabilities(bfloat16=True))
    monkeypatch.setattr("streams.analysis.backend_config.openvino_precisions", lambda _: ())
    monkeypatch.setattr("models.loaders.load_module", lambda *_: Summing().eval())
    return read_settings(
        cache_dir=tmp_path, compiled_dir=tmp_path / "compiled", torch_threads=1, device="cpu", measure_at_start=False
    )


def measured(settings: Settings, *, is_again: bool = False) -> Iterator[MeasuredModel]:
    return measure_models([CARD, FIXED, ELSEWHERE], settings, (), is_again=is_again)


def test_measures_what_a_worker_may_not(settings: Settings) -> None:
    """A worker in a container only uses the stored result. What has one mode needs no trial, and a model that does not
    run on processors is left out."""
    np.savez(settings.cache_dir / FILE_NAME, tiny=np.ones((4, 3), dtype=np.float32))
    tiny, fixed = measured(settings)
    assert (tiny.model, len(tiny.trials), tiny.is_open) == ("tiny", 2, False)
    assert fixed == MeasuredModel("fixed", "torch-float32", (), is_open=False)
    stored, _ = measured(settings)
    assert stored == tiny  # measured again, the times would differ
    again, _ = measured(settings, is_again=True)
    assert again.trials != tiny.trials


def test_says_what_is_not_measured(settings: Settings) -> None:
    """Without inputs; the first precision of the card runs it."""
    tiny, fixed = measured(settings)
    assert (tiny.mode, tiny.trials, tiny.is_open) == ("torch-float32", (), True)
    assert not fixed.is_open
    assert engines_setting([tiny, fixed]) == "tiny=torch-float32,fixed=torch-float32"


def test_inputs_of_own_media(tmp_path: Path) -> None:
    """Frames are spread over the whole file, with the shorter side of sampled frames; sound is that of the file."""
    video = write_video(tmp_path / "own.mp4", num_frames=50, sound_seconds=2.0)
    frames = list(_frames(video, 4))
    assert [frame.shape for frame in frames] == [(256, 455, 3)] * 4
    assert len({frame.tobytes() for frame in frames}) == 4
    assert _sound(video).shape[0] == pytest.approx(2 * 16_000, rel=0.1)


@pytest.mark.parametrize("num_files", [1, 2, 13, 100])
def test_few_files_give_enough_frames(num_files: int) -> None:
    """A share of equal classes of few frames says little: with 26, two or three other ones decided on a precision."""
    assert num_files * frames_each(num_files) >= 48


def test_a_silent_file_has_no_sound(tmp_path: Path) -> None:
    """And a model of sound is then not measured."""
    assert _sound(write_video(tmp_path / "silent.mp4", num_frames=5)).shape == (0,)

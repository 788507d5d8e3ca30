"""A worker with an accelerator: its cards run on two devices, and receipts say which. The device is a stand-in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.card_registry import CARDS
from models.loaders import load_module
from operators.inference.neuron.artefacts import buckets_of
from operators.inference.neuron.compile_child import compiled
from operators.inference.reference_inputs import FILE_NAME, ReferenceInputs
from ops.assets import default_cache_dir, fetch_weights, make_reference_inputs
from schemas.facts import Signal
from schemas.uploads import FileSource, VideoUploaded
from tests.pipeline import Pipeline, await_value
from tests.support.neuron_machine import environment_of, neuron_machine
from tests.support.neuron_programs import empty_store

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

COMPILED = CARDS["efficientnet-lite0"]
"""One model, for one size of batches; that its other sizes are not compiled is not to matter."""
NUM_INPUTS = 4
WAIT_SECONDS = 180.0


@pytest.fixture
def driver(tmp_path: Path) -> Path:
    """A machine with the device, and the model compiled for it."""
    cache_dir = default_cache_dir()
    fetch_weights(cache_dir)
    make_reference_inputs(cache_dir)
    inputs = ReferenceInputs(cache_dir / FILE_NAME).of(COMPILED)[:NUM_INPUTS]
    folder = tmp_path / "driver"
    folder.mkdir()
    bucket = buckets_of(COMPILED, "bfloat16")[0]
    with neuron_machine(folder):
        program = compiled(tmp_path, lambda: load_module(COMPILED, cache_dir), bucket, np.stack(inputs))
        assert empty_store(tmp_path).keep(COMPILED, bucket, program)
    return folder


def test_a_worker_whose_cards_run_on_two_devices(
    kafka: str, redis_url: str, samples: Path, tmp_path: Path, driver: Path
) -> None:
    """A video gets all its signals from a worker whose device runs one model: the others, which the device declines or
    whose cards exclude it, run on the processor. Receipts tell device time from CPU time, model by model."""
    clip = samples / "carphone_pristine.mp4"
    with Pipeline.opened(
        tmp_path, bootstrap_servers=kafka, redis_url=redis_url, media_roots=[samples], partitions=1,
        roles="intake,media,verdict", device="neuron", neuron_dir=str(tmp_path / "neuron"), speech_ratio="0",
    ) as pipeline:  # fmt: skip
        pipeline.environment.update(environment_of(driver))
        pipeline.start_worker()
        pipeline.publish(
            VideoUploaded(video_id="v", source=FileSource(path=str(clip)), title="You fool", deadline_seconds=170)
        )

        def complete() -> dict[str, Signal] | None:
            heard = {signal.modality: signal for signal in pipeline.signals("v")}
            return heard if {"frames", "audio", "motion", "context"} <= heard.keys() else None

        found = await_value(complete, WAIT_SECONDS, lambda: str(pipeline.signals("v")))
        dead_letters = pipeline.dead_letters()

    assert dead_letters == []
    assert {signal.status for signal in found.values()} == {"ok"}
    pictures, texts = found["frames"].receipt, found["context"].receipt
    there, declined, excluded = (
        pictures.models[COMPILED.name],
        pictures.models["opennsfw"],
        texts.models["toxicity"],
    )
    assert there.mode == "neuron-bfloat16"
    assert {declined.mode.partition("-")[0], excluded.mode.partition("-")[0]} <= {"torch", "openvino"}
    assert [part.device_seconds > 0 for part in (there, declined, excluded)] == [True, False, False]
    assert [part.cpu_seconds > 0 for part in (declined, excluded)] == [True, True]
    assert pictures.device_seconds == pytest.approx(there.device_seconds, abs=2e-6)

"""Measures before the first start in which engine and precision each model runs, and fills the cache of compiled
models."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec.structs import replace

from models.card import Card
from models.card_files import verify_card
from operators.inference.backend import BackendConfig
from operators.inference.compute_mode import ComputeMode
from operators.inference.placement import HOST
from streams.config.settings import Settings


@dataclass(frozen=True, slots=True)
class MeasuredModel:
    """The mode of a model, as a worker with these settings uses it."""

    model: str
    mode: str
    trials: tuple[str, ...]
    """Results of the trials; empty if there are none."""
    is_open: bool
    """Whether several modes are permitted, and none of them was chosen by trials."""


def measure_models(
    cards: Iterable[Card], settings: Settings, media: Sequence[Path], *, is_again: bool
) -> Iterator[MeasuredModel]:
    """Choose and compile model after model; those that run on an accelerator are left out.

    Args:
        cards: of batched models.
        settings: of the workers; a worker with other threads, modes or weights has choices of its own.
        media: files whose frames and sound the models are measured on; by default the stored inputs.
        is_again: forget what was measured before.

    Raises:
        UnusableMedia: the files have nothing to measure with.
        WeightsMissing, WeightsCorrupt: the cache lacks what a card names.
        ModeUnavailable: the settings leave a model no mode.
    """
    from streams.lifecycle.process_setup import prepare_process

    settings = replace(settings, measure_at_start=True)
    capabilities = prepare_process(settings)
    # Torch comes with these: not before the process is prepared.
    from operators.inference.mode_chooser import ModeChooser
    from operators.inference.reference_inputs import ReferenceInputs
    from ops.assets.reference_inputs import write_reference_inputs
    from streams.analysis.backend_config import backend_config
    from streams.lifecycle.private_cache import private_cache

    kept = private_cache(settings)
    config = backend_config(settings, capabilities, kept)
    with TemporaryDirectory() as folder:
        if media:
            path = Path(folder) / "inputs.npz"
            write_reference_inputs(path, settings.cache_dir, media)
            config = dataclasses.replace(config, chooser=ModeChooser(kept, ReferenceInputs(path)))
        for card in cards:
            verify_card(card, settings.cache_dir)
            if _is_on_processor(card, settings):
                yield _measured(card, config, settings, is_again=is_again)


def _is_on_processor(card: Card, settings: Settings) -> bool:
    from streams.analysis.backend_config import device_of

    device = device_of(settings)
    return HOST in card.devices and (device == HOST or device not in card.devices)


def _measured(card: Card, config: BackendConfig, settings: Settings, *, is_again: bool) -> MeasuredModel:
    from models.loaders import load_module
    from operators.inference.backends.cpu import CpuBackend

    backend, chooser = CpuBackend(config), config.chooser
    assert chooser is not None
    build = partial(load_module, card, settings.cache_dir)
    question = backend.mode_question(card, build)
    if is_again:
        chooser.forget(question)
    model = backend.load(card, build)
    try:
        model.compile()
        model.warm_up()
    finally:
        model.close()
    stored = chooser.stored(question)
    trials = () if stored is None else stored.trials
    is_open = len(question.modes) > 1 and stored is None
    return MeasuredModel(card.name, str(ComputeMode(model.engine, model.precision)), trials, is_open)

"""Times models with the settings of a worker, and stores the points where workers look for them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from models.card import Card
from models.card_files import verify_card
from operators.inference.placement import HOST
from ops.model_bench.model_timing import ModelTiming, Say, TimedModel, thread_counts
from streams.config.settings import Settings


def time_models(
    cards: Iterable[Card], settings: Settings, threads: Sequence[int], say: Say, *, is_quick: bool
) -> list[TimedModel]:
    """Measure models one after the other.

    Raises:
        WeightsMissing, WeightsCorrupt: the cache lacks what a card names.
        DeviceFault: the device cannot take a model.
    """
    from streams.lifecycle.process_setup import prepare_process

    capabilities = prepare_process(settings)
    from models.loaders import load_module  # torch comes with it: not before the process is prepared
    from operators.inference.backend_registry import open_device_energy
    from streams.analysis.backend_config import backend_config, device_of
    from streams.costs.power import open_core_energy
    from streams.lifecycle.private_cache import private_cache

    device = device_of(settings)
    config = replace(backend_config(settings, capabilities, private_cache(settings)), chooser=None)  # all are measured
    energy = open_core_energy() if device == HOST else open_device_energy(device)

    def timing_on(place: str) -> ModelTiming:
        return ModelTiming(
            place,
            config,
            lambda card: load_module(card, settings.cache_dir),
            tuple(threads) or default_threads(settings, place),
            energy if place == device else None,
            is_quick,
            say,
        )

    timed = []
    for card in cards:
        verify_card(card, settings.cache_dir)
        timed.append(_timed(card, [device, HOST] if device in card.devices else [HOST], timing_on))
    return timed


def _timed(card: Card, places: Sequence[str], timing_on: Callable[[str], ModelTiming]) -> TimedModel:
    """Time a model where a worker would run it: the device may decline it, as `placement` says."""
    from operators.inference.backend import RunsOnHost

    first, *others = dict.fromkeys(places)
    try:
        return timing_on(first).of(card)
    except RunsOnHost:
        if not others:
            raise
        return _timed(card, others, timing_on)


def default_threads(settings: Settings, device: str) -> tuple[int, ...]:
    """Return the numbers of threads to measure, with that of the settings among them; an accelerator has only that."""
    if device != HOST:
        return (settings.torch_threads,)
    return tuple(sorted({*thread_counts(len(os.sched_getaffinity(0))), settings.torch_threads}))


def keep_points(timed: Iterable[TimedModel], settings: Settings) -> None:
    """Store the points for the workers of this user on this machine."""
    from streams.analysis.backend_config import device_of
    from streams.analysis.engine_opening import operating_points

    points = operating_points(settings, device_of(settings))
    for each in timed:
        points.keep(each.card, each.points, time.time())

"""Series that exist from a worker's start, so that the first event of a kind is an increase."""

from __future__ import annotations

from typing import get_args

import pytest
from prometheus_client import REGISTRY

from operators.captions.caption_states import CAPTION_STATES
from operators.errors import MediaCause
from ops.cli.models import label_coverage
from streams.config.settings import ROLES, Role, read_settings
from streams.monitoring.metric_series import begin_series, covered_labels


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_told(role: Role) -> None:
    """Every role that a worker runs has a series with version and device."""
    begin_series(read_settings(roles=(role,)), "cpu")
    found = [
        sample
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == "vidsignal_build_info" and sample.labels["role"] == role
    ]
    assert ("cpu", 1.0) in [(sample.labels["device"], sample.value) for sample in found]


def test_causes_of_dead_letters_begin() -> None:
    """Every cause of refused media, of crash loops and of faults has a series before it ever happened."""
    begin_series(read_settings(), None)
    for cause in (
        *get_args(MediaCause),
        "model-server-away",
        "crash-loop",
        "device-fault",
        "model-fault",
        "signal-too-large",
    ):
        assert value("vidsignal_dead_letters_total", role="media", cause=cause) is not None, cause
    for role in ("intake", "engagement"):
        assert value("vidsignal_dead_letters_total", role=role, cause="event-not-json") is not None


def test_beginning_counts_nothing() -> None:
    """A second start in one process leaves counts alone."""
    begin_series(read_settings(), None)
    name, labels = "vidsignal_dead_letters_total", {"role": "media", "cause": "media-empty"}
    before = value(name, **labels)
    begin_series(read_settings(), None)
    assert value(name, **labels) == before


def test_decoders_are_counted() -> None:
    """The live role's processes and the one of the backfill; none where neither runs here."""
    begin_series(read_settings(decode_processes=3, roles=("media", "backfill")), "cpu")
    assert value("vidsignal_decode_processes") == 4
    begin_series(read_settings(decode_processes=3, roles=("media",)), "cpu")
    assert value("vidsignal_decode_processes") == 3


def test_batches_begin() -> None:
    """The first batches of a model are an increase, also when they all run between two readings."""
    begin_series(read_settings(roles=("media",)), "cpu")
    for name in (
        "batch_items_count",
        "batch_videos_count",
        "batch_queue_age_seconds_count",
        "batch_padded_items_total",
    ):
        assert value(f"vidsignal_{name}", model="yamnet") is not None, name
    assert value("vidsignal_device_seconds_total", model="yamnet", device="cpu") is not None


def test_results_of_captions_begin() -> None:
    """If any are asked for."""
    server = {"openai_url": "http://127.0.0.1:8000", "model_server_hosts": "127.0.0.1", "chat_model": "m"}
    begin_series(read_settings(roles=("media",), captions_ratio=0.5, **server), "cpu")
    for state in CAPTION_STATES:
        assert value("vidsignal_captions_total", state=state) is not None, state


def test_coverage_is_that_of_the_models() -> None:
    """Labels that some card produces, as `vidsignal models coverage` says it."""
    assert covered_labels(read_settings()) == {label for label, models in label_coverage().items() if models}
    begin_series(read_settings(), "cpu")
    assert value("vidsignal_label_covered", label="sexual/explicit/nudity") == 1
    assert value("vidsignal_label_covered", label="violence/gore/blood-visible") == 0

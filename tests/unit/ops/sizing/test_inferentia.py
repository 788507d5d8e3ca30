"""What the page on sizing says of Inferentia2 follows from the figures that it names."""

from __future__ import annotations

import math
import re

import pytest

from models.card_registry import CARDS
from operators.audio.windows import HOP_SAMPLES
from operators.media.plan import PlanPolicy
from operators.media.tracks import SPEECH_HZ
from ops.sizing.profile import load_profile
from tests.documents import DOCS, table

SECTION = DOCS["sizing.md"].partition("\n## On Inferentia2\n")[2].partition("\n## ")[0]
ROWS = {row[0]: row[1] for row in table(SECTION)}
VIDEOS_A_DAY = 1e9
DAY_SECONDS = 86_400.0


def said(quantity: str) -> list[float]:
    """The numbers of a row."""
    return [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*(?:\.\d+)?", ROWS[quantity])]


def section_row(quantity: str) -> str:
    """The whole row."""
    (row,) = [line for line in SECTION.splitlines() if line.startswith(f"| {quantity} |")]
    return row


def test_chips_and_host_cores() -> None:
    """Rates, chip time, chips and cores, within what their digits leave open."""
    figures = {name: each.value for name, each in load_profile(None).figures.items()}
    (rate,), (chip_seconds,), (host_seconds,) = map(
        said, ("videos in the busiest hour", "chip time of a video", "host time of a video")
    )
    frames, windows, texts = said("items of a video")
    (pictures_per_second,), (texts_per_second,) = said("image, or window of sound"), said("text")

    assert rate == pytest.approx(VIDEOS_A_DAY / DAY_SECONDS * figures["peak_ratio"], rel=1e-3)
    picture_seconds = (2 * frames + windows) / pictures_per_second
    assert chip_seconds == pytest.approx(picture_seconds + texts / texts_per_second, rel=5e-3)
    assert said("chips") == [pytest.approx(rate * chip_seconds / figures["utilisation"], rel=5e-3)]
    host = figures["media_cpu_seconds_per_video"] - figures["media_model_cpu_seconds_per_video"]
    assert host_seconds == pytest.approx(host, rel=1e-2)
    cores = rate * host_seconds / figures["utilisation"]
    assert said("host cores") == [pytest.approx(cores, rel=1e-2)]
    for vcpus in (16, 4):
        assert said(f"chips, if each has {vcpus} vCPUs") == [pytest.approx(cores / vcpus, rel=1e-2)]


def test_items_of_a_video() -> None:
    """Those that the agents' sampling gives the models which may run on the device, for the length that is named."""
    frames, windows, texts = said("items of a video")
    (seconds,) = map(float, re.findall(r"video of (\d+) s", section_row("items of a video")))
    on_device = [card for card in CARDS.values() if "neuron" in card.devices]

    assert frames == seconds * PlanPolicy().frames_per_second
    assert windows == math.ceil(seconds * SPEECH_HZ / HOP_SAMPLES)
    assert texts == 2  # a title and a description
    kinds = sorted((card.modality, len(card.input_shape)) for card in on_device)
    assert kinds == [("audio", 1), ("context", 1), ("frames", 3), ("frames", 3)]


def test_a_chip_with_few_cores_idles() -> None:
    """The share of its time that the page names."""
    (rate,), (chip_seconds,) = map(said, ("videos in the busiest hour", "chip time of a video"))
    (chips,) = said("chips, if each has 4 vCPUs")
    assert "a tenth of the time" in section_row("chips, if each has 4 vCPUs")
    assert rate * chip_seconds / chips == pytest.approx(0.1, abs=0.01)

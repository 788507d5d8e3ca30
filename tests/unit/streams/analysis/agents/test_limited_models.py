"""Models that are shown a few frames of a video: which, and what is said of the objects in them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.card_registry import CARDS
from operators.media.tracks import SampledFrame
from streams.analysis.agents import frames
from streams.analysis.agents.analysis import AgentWork, Analysis
from tests.unit.streams.analysis.agents.fake_work import FakeBatcher, FakeSession, work_of

PEOPLE = (0.1, 0.3, 0.3, 0.7), (0.6, 0.3, 0.8, 0.7)
"""Boxes in the detector's square."""


def scenes(*levels: int) -> list[SampledFrame]:
    """Plain frames, one a second."""
    return [SampledFrame(0.5 + n, np.full((256, 455, 3), level, np.uint8)) for n, level in enumerate(levels)]


def seeing(boxes: tuple[tuple[float, ...], ...], num_classes: int, column: int, score: float = 0.9) -> FakeBatcher:
    """A detector that finds the same everywhere, of one class."""
    scores = np.zeros((len(boxes), num_classes), np.float32)
    scores[:, column] = score
    return FakeBatcher(lambda _item: (np.array(boxes, np.float32).reshape(-1, 4), scores))


def value(analysis: Analysis, name: str) -> object:
    return analysis.features[name].value


def work_on(*levels: int, **batchers: FakeBatcher) -> AgentWork:
    return work_of(FakeSession(scenes(*levels)), **batchers)


class TestBudget:
    async def test_different_frames(self) -> None:
        """Of many frames of two scenes, two are looked at, and both detectors are given the same ones."""
        objects, faces = seeing((), 80, 0), seeing((), 1, 0)
        work = work_on(40, 40, 200, 40, 200, 200, nanodet_g=objects, centerface=faces)
        analysis = await frames.analyse(work)

        assert len(objects.items) == len(faces.items) == 2
        assert value(analysis, "visual.looked_at_frames") == 2
        assert value(analysis, "visual.sampled_frames") == 6

    async def test_at_most_what_the_card_says(self) -> None:
        """However many scenes there are."""
        objects = seeing((), 80, 0)
        await frames.analyse(work_on(*range(10, 250, 20), nanodet_g=objects))

        assert len(objects.items) == CARDS["nanodet-g"].max_frames

    async def test_costs(self) -> None:
        """What they look at is on the receipt: two models in three frames, and two in two of them."""
        analysis = await frames.analyse(work_on(40, 40, 200))

        assert analysis.receipt.items == 2 * 3 + 2 * 2

    async def test_turned_off(self) -> None:
        """Without detectors nothing is counted and nothing is said of numbers."""
        cards = {name: card for name, card in CARDS.items() if card.boxes is None}
        analysis = await frames.analyse(replace(work_on(40, 200), cards=cards))

        assert not {name for name in analysis.features if "people" in name or "object" in name or "looked" in name}


class TestCounts:
    async def test_people_and_faces(self) -> None:
        """Numbers, shares and times of the frames that were looked at; boxes are regions."""
        work = work_on(40, 200, nanodet_g=seeing(PEOPLE, 80, 0), centerface=seeing(PEOPLE[:1], 1, 0))
        analysis = await frames.analyse(work)

        assert (value(analysis, "visual.max_people"), value(analysis, "visual.people_ratio")) == (2, 1.0)
        assert (value(analysis, "visual.max_faces"), value(analysis, "visual.faces_ratio")) == (1, 1.0)
        assert (value(analysis, "visual.max_vehicles"), value(analysis, "visual.vehicles_ratio")) == (0, 0.0)
        numbers = {"people": 2, "vehicles": 0, "animals": 0, "objects": 0, "faces": 1}
        assert value(analysis, "visual.object_counts") == [{"pts_seconds": t, **numbers} for t in (0.5, 1.5)]
        assert {(region.class_name, region.at_seconds) for region in analysis.regions} == {
            (name, seconds) for name in ("person", "face") for seconds in (0.5, 1.5)
        }

    async def test_tags(self) -> None:
        """A class that the detector is sure of is a tag; a face is none."""
        work = work_on(40, 200, nanodet_g=seeing(PEOPLE, 80, 16), centerface=seeing(PEOPLE, 1, 0))
        tags = value(await frames.analyse(work), "visual.tags")

        assert tags == [{"name": "dog", "score": 0.9}]

    def test_nothing_of_faces_but_their_number(self) -> None:
        """The model of faces has no output that could tell one from another."""
        assert CARDS["centerface"].outputs == ("boxes", "scores")
        assert CARDS["centerface"].embedding_space is None

"""Added models that find objects, look at parts of frames, or read: evidence with place and time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.added_cards import CardSettings, installed_cards
from models.card import Card
from models.model_output import Combination
from operators.label_evidence import label_scores
from operators.media.neighbours import Neighbourhood
from operators.media.tracks import SampledFrame
from schemas.evidence import LabelEvidence
from streams.analysis.agents import audio, frame_objects, frames
from streams.analysis.agents.analysis import Analysis
from tests.support.tiny_models import BLADE, CARD, sha256_of, write_card
from tests.unit.models.test_boxes_and_text import BOXES, TEXT
from tests.unit.streams.analysis.agents import fake_work
from tests.unit.streams.analysis.agents.fake_work import FakeBatcher, FakeSession, work_of

_FRAME = 'kind = "frame"\nside_px = {side_px}'
FINDER = BOXES.replace(_FRAME, _FRAME + '\nresize = "squash"')
CROP = 'kind = "crop"\nof = "finder"\nclasses = ["dog"]\nmax_crops = 2\nside_px = 16\nresize = "squash"'
VOCABULARY = '["<pad>", "h", "i", "|"]'


def finder(*scores: tuple[float, float]) -> FakeBatcher:
    """For each frame the scores of a cat at the left and a dog at the right."""
    left = iter(scores)

    def answer(_item: np.ndarray) -> tuple[np.ndarray, ...]:
        cat, dog = next(left)
        found = [(0.0, 0.25, 0.5, 0.75, cat, 0), (0.5, 0.25, 1.0, 0.75, dog, 1)]
        return np.array(found, np.float32), np.zeros((2, 2), np.float32)

    return FakeBatcher(answer)


async def analysed(folder: Path, session: FakeSession, **batchers: FakeBatcher) -> Analysis:
    cards = installed_cards(CardSettings(folders=(folder,), trusted_folders=(folder,)))
    return await frames.analyse(replace(work_of(session, **batchers), cards=cards))


def blade(analysis: Analysis, model: str) -> LabelEvidence:
    (found,) = (each for each in analysis.labels if (each.label, each.model) == (BLADE, model))
    return found


class TestObjects:
    async def test_label_and_places(self, tmp_path: Path) -> None:
        """A label has its highest score and segments as of any model, and where its class was found, best first."""
        write_card(tmp_path / "finder", FINDER)
        session = FakeSession(fake_work.frames(3))
        analysis = await analysed(tmp_path, session, finder=finder((0.45, 0.9), (0.3, 0.0), (0.48, 0.8)))
        found = blade(analysis, "finder@1.0.0")

        assert found.score == pytest.approx(0.48)
        assert [segment.start_seconds for segment in found.segments] == [0.5]
        assert [(each.class_name, each.at_seconds) for each in analysis.regions] == [("dog", 0.5), ("dog", 2.5)]
        assert analysis.regions[0].box.left == 0.5
        assert analysis.regions[0].model == "finder@1.0.0"

    async def test_places_of_the_label(self, tmp_path: Path) -> None:
        """Only boxes of its own class, and no more than a few."""
        write_card(tmp_path / "finder", FINDER.replace('kind = "boxes"', 'kind = "boxes"\nthreshold = 0.2'))
        session = FakeSession(fake_work.frames(7))
        analysis = await analysed(tmp_path, session, finder=finder(*((0.2 + number / 50, 0.9) for number in range(7))))
        regions = blade(analysis, "finder@1.0.0").regions

        assert [each.at_seconds for each in regions] == [6.5, 5.5, 4.5, 3.5, 2.5]  # type: ignore[union-attr]
        assert {each.class_name for each in regions} == {"cat"}  # type: ignore[union-attr]
        assert len(analysis.regions) == 14

    async def test_a_second_look(self, tmp_path: Path) -> None:
        """One frame that would decide is compared with those around it, as with any model of frames."""
        write_card(tmp_path / "finder", FINDER)
        sampled = fake_work.frames(1)
        around = [SampledFrame(0.5 + shift, sampled[0].pixels) for shift in (-0.1, -0.05, 0.05, 0.1)]
        session = FakeSession(sampled, around=Neighbourhood(tuple(around), 0.1))
        mine = finder((0.9, 0.0), *[(0.1, 0.0)] * 4)
        found = blade(await analysed(tmp_path, session, finder=mine), "finder@1.0.0")

        assert found.score == pytest.approx(0.1)
        assert found.second_look.is_cleared  # type: ignore[union-attr]


class TestParts:
    def write(self, folder: Path, crop: str = CROP) -> None:
        write_card(folder / "finder", FINDER.replace('[[outputs.labels]]\nclass = "cat"\nlabel = "{label}"\n', ""))
        write_card(folder / "mine", CARD.replace(_FRAME, crop))

    async def test_what_is_cut_out(self, tmp_path: Path) -> None:
        """The wanted classes only; the label's evidence says where."""
        self.write(tmp_path)
        said = iter([0.3, 0.2])
        mine = FakeBatcher(lambda _item: (np.array([0.0, next(said)], np.float32),))
        session = FakeSession(fake_work.frames(3))
        analysis = await analysed(tmp_path, session, finder=finder((0.9, 0.9), (0.9, 0.1), (0.0, 0.8)), mine=mine)
        found = blade(analysis, "mine@1.0.0")
        (best, other) = found.regions  # type: ignore[misc]

        assert [item.shape for item in mine.items] == [(16, 16, 3)] * 2
        assert (found.score, [each.at_seconds for each in (best, other)]) == (pytest.approx(0.3), [0.5, 2.5])
        assert (best.class_name, best.model, best.score) == ("bright", "mine@1.0.0", pytest.approx(0.3))
        assert (best.box.left, best.box.right) == (0.5, 1.0)

    async def test_all_parts_are_scored_at_once(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A video may have thousands, and a model as many classes and labels; the event loop must not wait for each."""
        scored: list[int] = []

        def count(card: Card, names: Sequence[str], rows: np.ndarray, combination: Combination) -> Any:
            scored.append(len(rows))
            return label_scores(card, names, rows, combination)

        monkeypatch.setattr(frame_objects, "label_scores", count)
        self.write(tmp_path)
        said = iter([0.3, 0.2, 0.4, 0.0])
        mine = FakeBatcher(lambda _item: (np.array([0.0, next(said)], np.float32),))
        dogs = finder((0, 0.9), (0, 0.9), (0, 0.9), (0, 0.9))
        found = blade(await analysed(tmp_path, FakeSession(fake_work.frames(4)), finder=dogs, mine=mine), "mine@1.0.0")
        assert [each.at_seconds for each in found.regions] == [2.5, 0.5, 1.5]  # type: ignore[union-attr]
        assert scored == [4]

    async def test_nothing_to_cut_out(self, tmp_path: Path) -> None:
        """The label was searched for and not found; nobody is asked."""
        self.write(tmp_path)
        mine = FakeBatcher(lambda _item: ())
        analysis = await analysed(tmp_path, FakeSession(fake_work.frames(2)), finder=finder((0, 0), (0, 0)), mine=mine)
        assert (blade(analysis, "mine@1.0.0").score, mine.items) == (0.0, [])
        assert analysis.regions == ()

    async def test_a_second_look(self, tmp_path: Path) -> None:
        """The frames around are searched for parts as well."""
        self.write(tmp_path)
        sampled = fake_work.frames(1)
        around = [SampledFrame(0.5 + shift, sampled[0].pixels) for shift in (-0.1, -0.05, 0.05, 0.1)]
        session = FakeSession(sampled, around=Neighbourhood(tuple(around), 0.1))
        said = iter([0.9, 0.8, 0.7, 0.6])
        mine = FakeBatcher(lambda _item: (np.array([0.0, next(said)], np.float32),))
        found = finder((0, 0.9), (0, 0.9), (0, 0.9), (0, 0.9), (0, 0.0))
        look = blade(await analysed(tmp_path, session, finder=found, mine=mine), "mine@1.0.0").second_look
        assert (look.num_frames, look.num_agree) == (5, 4)  # type: ignore[union-attr]

    async def test_texts_have_places(self, tmp_path: Path) -> None:
        """A reader of parts says where it read."""
        self.write(tmp_path)
        (tmp_path / "mine" / "vocab.json").write_text(VOCABULARY)
        text = TEXT.replace(_FRAME, CROP)
        write_card(tmp_path / "mine", text, vocabulary=sha256_of(tmp_path / "mine" / "vocab.json"))
        mine = FakeBatcher(lambda _item: (np.array([[1, 0.8], [2, 0.6]], np.float32),))
        analysis = await analysed(tmp_path, FakeSession(fake_work.frames(1)), finder=finder((0.9, 0.9)), mine=mine)
        (found,) = analysis.texts

        assert (found.text, found.score, found.start_seconds) == ("hi", pytest.approx(0.7), 0.5)
        assert found.box.left == 0.5  # type: ignore[union-attr]


class TestHeard:
    async def test_texts_have_times(self, tmp_path: Path) -> None:
        """A window that says nothing has no text."""
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "vocab.json").write_text(VOCABULARY)
        text = TEXT.replace(_FRAME, 'kind = "audio"\nwindow_seconds = 1.0')
        write_card(tmp_path / "mine", text, vocabulary=sha256_of(tmp_path / "mine" / "vocab.json"))
        said = iter([[1, 2], [0, 0], [2, 3], [1, 1]])
        mine = FakeBatcher(lambda _item: (np.array([[token, 1.0] for token in next(said)], np.float32),))
        cards = installed_cards(CardSettings(folders=(tmp_path,), trusted_folders=(tmp_path,)))
        session = FakeSession(audio_track=fake_work.audio_track())
        analysis = await audio.analyse(replace(work_of(session, mine=mine), cards=cards))

        assert [(found.text, found.start_seconds) for found in analysis.texts] == [("hi", 0.0), ("i", 2.0), ("h", 3.0)]
        assert all(found.box is not found.text and found.model == "mine@1.0.0" for found in analysis.texts)

"""Added models that look at clips, and models that share what they look at."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.added_cards import CardSettings, installed_cards
from models.model_input import FrameInput
from operators.frames import frame_features, image_input
from operators.media.neighbours import Neighbourhood
from operators.media.tracks import SampledFrame
from streams.analysis.agents import frames
from tests.support.tiny_models import BLADE, CARD, write_card
from tests.unit.streams.analysis.agents import fake_work
from tests.unit.streams.analysis.agents.fake_work import FakeBatcher, FakeSession, constant, work_of

_FRAME = 'kind = "frame"\nside_px = {side_px}'
EMBEDDING = '\n[[outputs]]\nname = "embedding"\nkind = "embedding"\nspace = "mine/2"\n'


def clip_card(lines: str) -> str:
    return CARD.replace(_FRAME, f'kind = "clip"\nside_px = 8\nresize = "squash"\n{lines}') + EMBEDDING


def installed(folder: Path):  # type: ignore[no-untyped-def]
    return installed_cards(CardSettings(folders=(folder,), trusted_folders=(folder,)))


def loud(*scores: float) -> FakeBatcher:
    left = iter(scores)
    return FakeBatcher(lambda _item: (np.array([0, next(left)], np.float32), np.array([3, 4], np.float32)))


class TestClips:
    async def test_of_sampled_frames(self, tmp_path: Path) -> None:
        """Evidence with the time of the clip, an embedding, and no other decode."""
        write_card(tmp_path / "mine", clip_card("frames = 2"))
        session, mine = FakeSession(fake_work.frames(4)), loud(0.05, 0.9)
        analysis = await frames.analyse(replace(work_of(session, mine=mine), cards=installed(tmp_path)))
        (found,) = (evidence for evidence in analysis.labels if evidence.model == "mine@1.0.0")
        (segment,) = found.segments

        assert [item.shape for item in mine.items] == [(2, 8, 8, 3)] * 2
        assert (found.score, found.label) == (pytest.approx(0.9), BLADE)
        assert (segment.start_seconds, segment.end_seconds) == (2.5, 4.0)
        assert "mine/2" in analysis.embeddings
        assert session.wanted_pictures == []

    async def test_of_frames_in_between(self, tmp_path: Path) -> None:
        """They are decoded once for all cards, at the cards' distances; the cost is on the receipt."""
        write_card(tmp_path / "mine", clip_card("frames = 4\nframe_seconds = 0.5\nclips = 1"))
        write_card(
            tmp_path / "other", clip_card("frames = 2\nframe_seconds = 0.25\nclips = 1").replace("mine/2", "o/2")
        )
        pictures = [SampledFrame(0.25 * place, np.full((9, 9, 3), place, np.uint8)) for place in range(16)]
        session = FakeSession(fake_work.frames(4), pictures=Neighbourhood(tuple(pictures), cpu_seconds=5.0))
        mine, other = loud(0.9), loud(0.8)
        work = replace(work_of(session, mine=mine, other=other), cards=installed(tmp_path))
        analysis = await frames.analyse(work)
        found = {evidence.model: evidence for evidence in analysis.labels if evidence.label == BLADE}

        assert session.wanted_pictures == [[(1.0, 1.5, 2.0, 2.5), (1.75, 2.0)]]
        assert mine.items[0][:, 0, 0, 0].tolist()[::2] == [4, 8]
        assert other.items[0][1, 0, 0, 0] == 8
        assert found["mine@1.0.0"].segments[0].end_seconds == 3.0
        assert found["other@1.0.0"].score == pytest.approx(0.8)
        assert analysis.receipt.cpu_seconds > 5.0

    async def test_where_that_decode_fails(self, tmp_path: Path) -> None:
        """The sampled frames take their place: the model still answers."""
        write_card(tmp_path / "mine", clip_card("frames = 4\nframe_seconds = 0.5\nclips = 1"))
        mine = loud(0.9)
        work = work_of(FakeSession(fake_work.frames(4)), mine=mine)
        analysis = await frames.analyse(replace(work, cards=installed(tmp_path)))
        assert (BLADE, "mine@1.0.0") in {(evidence.label, evidence.model) for evidence in analysis.labels}

    async def test_a_still_picture(self, tmp_path: Path) -> None:
        """Is a clip that stands still; nothing is decoded for it."""
        write_card(tmp_path / "mine", clip_card("frames = 4\nframe_seconds = 0.5"))
        session, mine = FakeSession(fake_work.frames(1), num_packets=1), loud(0.9)
        await frames.analyse(replace(work_of(session, mine=mine), cards=installed(tmp_path)))
        (item,) = mine.items
        assert all(np.array_equal(item[0], frame) for frame in item)
        assert session.wanted_pictures == []


class TestSharing:
    async def test_a_frame_is_prepared_once_for_all_that_want_the_same(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Two cards that scale alike and differ in mean and layout share each square; other sizes have their own."""
        made: Counter[FrameInput] = Counter()

        def counted(pixels: np.ndarray, how: FrameInput) -> np.ndarray:
            made[how] += 1
            return image_input.frame_input(pixels, how)

        monkeypatch.setattr(frame_features, "frame_input", counted)
        one = CARD.replace("side_px = {side_px}", 'side_px = 24\nresize = "pad"')
        write_card(tmp_path / "one", one)
        write_card(
            tmp_path / "two", one.replace("side_px = 24", 'side_px = 24\nmean = [0.5, 0.5, 0.5]\nlayout = "nhwc"')
        )
        write_card(tmp_path / "three", CARD)
        said = {name: FakeBatcher(lambda _item: (np.zeros(2, np.float32),)) for name in ("one", "two", "three")}
        work = work_of(FakeSession(fake_work.frames(4)), opennsfw=constant("opennsfw"), **said)
        await frames.analyse(replace(work, cards=installed(tmp_path)))

        assert made[FrameInput(24, "pad", 24)] == 4
        assert made[FrameInput(32, "shorter-side", 32)] == 4
        assert set(made.values()) == {4}
        assert all(first is second for first, second in zip(said["one"].items, said["two"].items, strict=True))

    async def test_second_looks_share_decode_and_answers(self, tmp_path: Path) -> None:
        """Two models in doubt about one frame, one of them about two labels: one decode, and each is asked once."""
        second = '\n[[outputs.labels]]\nclass = "dark"\nlabel = "alcohol/drinking/alcohol-visible"\n'
        write_card(tmp_path / "one", CARD + second)
        write_card(tmp_path / "two", CARD)
        said = {name: FakeBatcher(lambda _item: (np.array([0.9, 0.9], np.float32),)) for name in ("one", "two")}
        sampled = fake_work.frames(1)
        around = [SampledFrame(0.5 + shift, sampled[0].pixels) for shift in (-0.1, -0.05, 0.05, 0.1)]
        session = FakeSession(sampled, around=Neighbourhood(tuple(around), cpu_seconds=5.0))
        analysis = await frames.analyse(replace(work_of(session, **said), cards=installed(tmp_path)))
        looked = [evidence for evidence in analysis.labels if evidence.model in ("one@1.0.0", "two@1.0.0")]

        assert [evidence.second_look.num_agree for evidence in looked] == [5, 5, 5]  # type: ignore[union-attr]
        assert session.looked_around == [[0.5]]
        assert [len(batcher.items) for batcher in said.values()] == [5, 5]
        assert 5.0 < analysis.receipt.cpu_seconds < 10.0

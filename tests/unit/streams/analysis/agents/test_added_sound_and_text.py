"""Added models of sound and of text: the agents run what their cards say, next to the product's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.added_cards import CardSettings, installed_cards
from models.card_registry import CARDS
from models.text_pieces import read_tokenizers
from streams.analysis.agents import audio, context
from tests.support.tiny_models import BLADE, CARD, sha256_of, word_tokenizer, write_card
from tests.unit.streams.analysis.agents import fake_work
from tests.unit.streams.analysis.agents.fake_work import FakeBatcher, FakeSession, work_of

EMBEDDING = '\n[[outputs]]\nname = "embedding"\nkind = "embedding"\nspace = "mine/2"\n'
_FRAME = 'kind = "frame"\nside_px = {side_px}'
SOUND = CARD.replace(_FRAME, 'kind = "audio"\nwindow_seconds = 1.5\nhop_seconds = 1.0') + EMBEDDING
TEXT = CARD.replace(_FRAME, 'kind = "text"\nmax_tokens = 8\ntokenizer_sha256 = "{tokenizer}"') + EMBEDDING


def installed(folder: Path):  # type: ignore[no-untyped-def]
    return installed_cards(CardSettings(folders=(folder,), trusted_folders=(folder,)))


class TestSound:
    async def test_windows_as_the_card_says(self, tmp_path: Path) -> None:
        """Four seconds are heard in windows of a second and a half, one a second; the last ends with the sound."""
        write_card(tmp_path / "mine", SOUND)
        loud = iter([0.01, 0.9, 0.02, 0.03])
        mine = FakeBatcher(lambda _item: (np.array([0, next(loud)], np.float32), np.array([3, 4], np.float32)))
        session = FakeSession(audio_track=fake_work.audio_track())
        analysis = await audio.analyse(replace(work_of(session, mine=mine), cards=installed(tmp_path)))
        (found,) = (evidence for evidence in analysis.labels if evidence.label == BLADE)

        assert [item.shape for item in mine.items] == [(24_000,)] * 4
        assert (found.score, found.model) == (pytest.approx(0.9), "mine@1.0.0")
        assert (found.segments[0].start_seconds, found.segments[0].end_seconds) == (1.0, 2.5)
        assert sorted(analysis.embeddings) == ["mine/2", "yamnet/1024"]
        assert {evidence.label for evidence in analysis.labels} == {
            BLADE,
            *(source.label for source in CARDS["yamnet"].labels),
        }

    async def test_no_sound(self, tmp_path: Path) -> None:
        """Nobody is asked."""
        write_card(tmp_path / "mine", SOUND)
        mine = FakeBatcher(lambda _item: ())
        analysis = await audio.analyse(replace(work_of(FakeSession(), mine=mine), cards=installed(tmp_path)))
        assert (analysis.is_present, mine.items) == (False, [])


class TestText:
    async def test_all_pieces(self, tmp_path: Path) -> None:
        """Whatever its language, the whole text is read, and the worst piece counts."""
        word_tokenizer(tmp_path / "mine" / "tokenizer.json", ("bad", "words"))
        write_card(tmp_path / "mine", TEXT, tokenizer=sha256_of(tmp_path / "mine" / "tokenizer.json"))
        cards = installed(tmp_path)

        def answer(item: np.ndarray) -> tuple[np.ndarray, ...]:
            return np.array([0, 0.8 if 4 in item else 0.1], np.float32), np.array([1, 0], np.float32)

        mine = FakeBatcher(answer)
        work = work_of(FakeSession(), language="de", title="words " * 10 + "bad", mine=mine)
        analysis = await context.analyse(replace(work, cards=cards, pieces=read_tokenizers(cards)))
        (found,) = (evidence for evidence in analysis.labels if evidence.label == BLADE)

        assert [item.shape for item in mine.items] == [(8,)] * 2
        assert (found.score, found.segments) == (pytest.approx(0.8), ())
        assert "mine/2" in analysis.embeddings

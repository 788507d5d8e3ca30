"""Added models that look at frames: the agent runs what their cards say, next to the product's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.added_cards import CardSettings, installed_cards
from streams.analysis.agents import frames
from streams.analysis.agents.agent_registry import AGENTS
from streams.analysis.agents.analysis import Analysis
from streams.analysis.engine import PLAN_POLICY
from streams.analysis.provenance import generation_of, provenance_of
from tests.support.tiny_models import BLADE, CARD, write_card
from tests.unit.streams.analysis.agents import fake_work
from tests.unit.streams.analysis.agents.fake_work import FakeBatcher, FakeSession, work_of

EMBEDDED = CARD + '\n[[outputs]]\nname = "embedding"\nkind = "embedding"\nspace = "mine/3"\n'
CALIBRATED = CARD.replace('label = "{label}"', 'label = "{label}"\ncalibration = [[0.0, 0.0], [0.5, 0.1], [1.0, 1.0]]')


def answers(*values: list[float]) -> FakeBatcher:
    return FakeBatcher(lambda _item: tuple(np.array(value, np.float32) for value in values))


async def analysed(folder: Path, text: str, batcher: FakeBatcher) -> Analysis:
    """What frames say of four frames with one model more."""
    write_card(folder / "mine", text)
    cards = installed_cards(CardSettings(folders=(folder,), trusted_folders=(folder,)))
    work = replace(work_of(FakeSession(fake_work.frames(4)), mine=batcher), cards=cards)
    return await frames.analyse(work)


class TestAddedModel:
    async def test_labels(self, tmp_path: Path) -> None:
        """Evidence of the label that its class means, under its own name, next to that of the product's models."""
        analysis = await analysed(tmp_path, CARD, answers([0.2, 0.8]))
        (found,) = [evidence for evidence in analysis.labels if evidence.model == "mine@1.0.0"]

        assert (found.label, found.score) == (BLADE, pytest.approx(0.8))
        assert found.segments[0].start_seconds == 0.5
        models = {evidence.model.partition("@")[0] for evidence in analysis.labels}
        assert models == {"efficientnet-lite0", "mine", "opennsfw"}

    async def test_its_own_square(self, tmp_path: Path) -> None:
        """It is given the side that its card names."""
        batcher = answers([0.2, 0.8])
        await analysed(tmp_path, CARD, batcher)

        assert {item.shape for item in batcher.items} == {(32, 32, 3)}

    async def test_calibration(self, tmp_path: Path) -> None:
        """A score is stated as the card's points say, linear between them."""
        analysis = await analysed(tmp_path, CALIBRATED, answers([0.25, 0.75]))
        (score,) = [evidence.score for evidence in analysis.labels if evidence.model == "mine@1.0.0"]

        assert score == pytest.approx(0.55)

    async def test_embedding(self, tmp_path: Path) -> None:
        """Its vector is in its own space, next to that of the product's model."""
        analysis = await analysed(tmp_path, EMBEDDED, answers([1.0, 0.0], [0.0, 3.0, 4.0]))

        assert sorted(analysis.embeddings) == ["efficientnet-lite0/1280", "mine/3"]
        assert analysis.embeddings["mine/3"].unpack() == pytest.approx((0.0, 0.6, 0.8), abs=1e-3)

    async def test_costs(self, tmp_path: Path) -> None:
        """Its items are on the receipt, next to those of the product's two models, and of two detectors in 3 frames."""
        analysis = await analysed(tmp_path, CARD, answers([0.2, 0.8]))

        assert analysis.receipt.items == 18


class TestProvenance:
    def test_follows_the_cards(self, tmp_path: Path) -> None:
        """Another model, another card, or none: each is another fingerprint, of frames alone."""
        write_card(tmp_path / "mine", CARD)
        settings = CardSettings(folders=(tmp_path,), trusted_folders=(tmp_path,))
        sets = [installed_cards(CardSettings()), installed_cards(settings)]
        write_card(tmp_path / "mine", CALIBRATED)
        sets.append(installed_cards(settings))

        def fingerprints(modality: str) -> set[str]:
            return {provenance_of(AGENTS[modality], cards, {}, PLAN_POLICY).fingerprint for cards in sets}  # type: ignore[index]

        assert [len(fingerprints("frames")), len(fingerprints("audio"))] == [3, 1]

    def test_generations(self, tmp_path: Path) -> None:
        """An added model raises the generation by its own; the setting makes up for one that was removed."""
        write_card(tmp_path / "mine", "generation = 5\n" + CARD)
        own = installed_cards(CardSettings())
        more = installed_cards(CardSettings(folders=(tmp_path,), trusted_folders=(tmp_path,)))
        agent = AGENTS["frames"]

        assert generation_of(agent, more) - generation_of(agent, own) == 5
        assert generation_of(agent, own, models_generation=5) == generation_of(agent, more)

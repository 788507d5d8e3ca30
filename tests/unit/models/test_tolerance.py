"""A model's answers in another precision or on another engine are compared with what its card tolerates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.card import Card
from models.card_errors import CardInvalid
from models.card_file import read_card
from models.card_registry import CARDS
from models.tolerance import Deviation, Tolerance
from tests.support.tiny_models import CARD, write_card

LITE0 = CARDS["efficientnet-lite0"]


def answers(num_items: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and embeddings, none of them zero."""
    noise = np.random.default_rng(0)
    scores = noise.dirichlet(np.ones(5), num_items).astype(np.float32)
    return scores, noise.standard_normal((num_items, 16)).astype(np.float32)


class TestDeviation:
    def test_measures(self) -> None:
        """The worst number, the worst item, and the share of equal winners."""
        expected = np.array([[0.1, 0.9], [0.6, 0.4]], dtype=np.float32)
        found = np.array([[0.1, 0.8], [0.3, 0.4]], dtype=np.float32)

        deviation = Deviation.between(expected, found)

        assert deviation.max_difference == pytest.approx(0.3)
        assert deviation.min_cosine == pytest.approx((0.18 + 0.16) / (0.52**0.5 * 0.5))
        assert deviation.equal_top1_ratio == 0.5

    def test_nothing_moved(self) -> None:
        """Equal answers do not deviate, whatever their shape and whether or not they are zero."""
        for values in (np.zeros((3, 4)), np.ones(3), np.arange(24.0).reshape(2, 3, 4)):
            deviation = Deviation.between(values.astype(np.float32), values.astype(np.float32))
            assert deviation.max_difference == 0
            assert deviation.min_cosine == pytest.approx(1)
            assert deviation.equal_top1_ratio == 1

    def test_a_vector_that_vanishes(self) -> None:
        """Zero is no direction: it is not like another vector."""
        assert Deviation.between(np.ones((1, 4)), np.zeros((1, 4))).min_cosine == 0

    @pytest.mark.parametrize("worst", [np.nan, np.inf, -np.inf])
    def test_numbers_that_are_not_finite(self, worst: float) -> None:
        """One of them breaks every limit."""
        found = np.ones((3, 4))
        found[1, 2] = worst
        deviation = Deviation.between(np.ones((3, 4)), found)
        limits = (Tolerance(max_difference=1e6), Tolerance(min_cosine=0.0), Tolerance(min_equal_top1_ratio=0.1))
        for tolerance in limits:
            assert tolerance.excess(deviation) is not None

    @pytest.mark.parametrize("shape", [(3, 5), (2, 4), (12,), (0, 4)])
    def test_another_shape(self, shape: tuple[int, ...]) -> None:
        """So does an engine that answers something else."""
        assert Tolerance(max_difference=1e6).excess(Deviation.between(np.ones((3, 4)), np.ones(shape))) is not None

    def test_no_inputs(self) -> None:
        """Nothing was compared, so nothing is accepted."""
        nothing = np.ones((0, 4))
        assert Tolerance(max_difference=1e6).excess(Deviation.between(nothing, nothing)) is not None


class TestTolerance:
    @pytest.mark.parametrize(
        ("tolerance", "said"),
        [
            (Tolerance(max_difference=0.29), "largest difference 0.3, tolerated is 0.29"),
            (Tolerance(min_cosine=0.95), "least cosine 0.94"),
            (Tolerance(min_equal_top1_ratio=0.51), "equal top-1 of 0.5, tolerated is 0.51"),
        ],
    )
    def test_the_broken_limit_is_told(self, tolerance: Tolerance, said: str) -> None:
        """With what was measured and what is tolerated."""
        expected = np.array([[0.1, 0.9], [0.6, 0.4]])
        found = np.array([[0.1, 0.8], [0.3, 0.4]])
        assert said in (tolerance.excess(Deviation.between(expected, found)) or "")

    def test_at_the_limit(self) -> None:
        """A limit itself is tolerated."""
        tolerance = Tolerance(0.5, min_cosine=-1.0, min_equal_top1_ratio=0.0)
        assert tolerance.excess(Deviation.between(np.array([[0.5, 1.0]]), np.array([[1.0, 0.5]]))) is None


class TestCard:
    def test_within(self) -> None:
        """Answers that moved less than every output of the card tolerates."""
        scores, embedding = answers()
        assert LITE0.excess_of((scores, embedding), (scores + 0.001, embedding * 1.01)) is None

    def test_the_output_is_told(self) -> None:
        """The one that moved too far."""
        scores, embedding = answers()
        assert "output embedding: least cosine" in (LITE0.excess_of((scores, embedding), (scores, -embedding)) or "")
        moved = np.clip(scores + 0.2, 0, 1)
        assert "output probabilities: largest" in (LITE0.excess_of((scores, embedding), (moved, embedding)) or "")

    def test_an_output_less(self) -> None:
        """Is no answer of the model."""
        scores, embedding = answers()
        assert "1 outputs, the card names 2" in (LITE0.excess_of((scores, embedding), (scores,)) or "")

    @pytest.mark.parametrize("card", CARDS.values(), ids=lambda card: card.name)
    def test_every_output_has_limits(self, card: Card) -> None:
        """None of the product's outputs may move without limit."""
        assert len(card.tolerances) == len(card.outputs)
        assert all(tolerance != Tolerance() for tolerance in card.tolerances)


class TestAddedCard:
    def test_defaults(self, tmp_path: Path) -> None:
        """A card that says nothing tolerates little."""
        more = '[[outputs]]\nname = "e"\nkind = "embedding"\nspace = "mine/3"\n'
        card = read_card(write_card(tmp_path / "one", CARD + more), is_added=True)
        assert card.tolerances == (Tolerance(max_difference=0.02), Tolerance(min_cosine=0.99))

    def test_stated(self, tmp_path: Path) -> None:
        """What a card says counts."""
        stated = "[outputs.tolerance]\nmax_difference = 0.005\nmin_equal_top1_ratio = 0.97\n\n[[outputs.labels]]"
        card = read_card(write_card(tmp_path / "one", CARD.replace("[[outputs.labels]]", stated)), is_added=True)
        assert card.tolerances == (Tolerance(0.005, min_equal_top1_ratio=0.97),)
        assert replace(card, tolerances=()).fingerprint == card.fingerprint

    @pytest.mark.parametrize(
        ("stated", "said"),
        [
            ("min_cosine = 0.9", r"outputs\[0\].tolerance.min_cosine is no key"),
            ("max_difference = -1", r"outputs\[0\].tolerance.max_difference is -1"),
            ("min_equal_top1_ratio = 97", r"outputs\[0\].tolerance.min_equal_top1_ratio is 97"),
            ('max_difference = "0.1"', r"outputs\[0\].tolerance.max_difference is '0.1'"),
        ],
    )
    def test_wrong(self, tmp_path: Path, stated: str, said: str) -> None:
        """A limit that the output cannot have, or that no number is below."""
        text = CARD.replace("[[outputs.labels]]", f"[outputs.tolerance]\n{stated}\n\n[[outputs.labels]]")
        with pytest.raises(CardInvalid, match=said):
            read_card(write_card(tmp_path / "one", text), is_added=True)

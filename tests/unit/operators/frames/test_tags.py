"""Tags of a video."""

from __future__ import annotations

import numpy as np
import pytest

from models.card_registry import CARDS
from operators.frames.tags import MAX_TAGS, Tag, best_tags, tags_from


def of(*rows: list[float], names: tuple[str, ...] = ("cat", "dog", "sofa"), least: float = 0.6) -> list[Tag]:
    return tags_from(np.array(rows, np.float32), names, least)


class TestTags:
    def test_what_nothing_fits_has_none(self) -> None:
        """A picture that no class fits still has a best class; it is no tag, however far ahead of the others."""
        assert of([0.5, 0.3, 0.2]) == []

    def test_what_is_certain_has_one(self) -> None:
        """With the probability of the class as its score."""
        ((name, score),) = [tag.values() for tag in of([0.1, 0.8, 0.1])]
        assert (name, score) == ("dog", pytest.approx(0.8))

    def test_scenes_have_their_own(self) -> None:
        """Half of the frames show the one, half the other; the mean over all would be sure of neither."""
        frames = [[0.95, 0.05, 0.0]] * 4 + [[0.1, 0.85, 0.05]] * 4
        assert [tag["name"] for tag in of(*frames)] == ["cat", "dog"]

    def test_frames_have_to_agree(self) -> None:
        """One slip of the classifier among eight frames is no tag; two frames that agree are one."""
        calm, slip = [0.4, 0.3, 0.3], [0.0, 1.0, 0.0]
        assert of(slip, *[calm] * 7, least=0.7) == of(slip, [0.2, 0.1, 0.7], *[calm] * 6, least=0.7) == []
        assert [tag["name"] for tag in of(slip, slip, *[calm] * 6)] == ["dog"]

    def test_classes_of_one_name_are_one_tag(self) -> None:
        """Two classes that share a name add up, for they exclude each other."""
        tags = of([0.4, 0.3, 0.3], names=("missile", "missile", "sky"))
        assert [(tag["name"], round(float(tag["score"]), 6)) for tag in tags] == [("missile", 0.7)]

    def test_at_most_ten(self) -> None:
        """However many scenes there are."""
        rows = np.repeat(np.eye(15, dtype=np.float32), 3, axis=0)
        assert len(tags_from(rows, [f"class {n}" for n in range(15)], 0.05)) == MAX_TAGS


class TestGroups:
    def test_what_classes_have_in_common(self) -> None:
        """Two breeds that are equally likely are surely a dog; classes without a group are no tag together."""
        tags = of([0.45, 0.4, 0.15], names=("dog", "dog", ""), least=0.8)
        assert [(tag["name"], round(float(tag["score"]), 6)) for tag in tags] == [("dog", 0.85)]
        assert of([0.45, 0.05, 0.5], names=("", "dog", ""), least=0.1) == []

    def test_models_agree(self) -> None:
        """A word of two models is one tag, with the higher score; the best of all come first."""
        one, other = of([0.9, 0.1, 0.0]), of([0.7, 0.0, 0.95])
        assert [(tag["name"], round(float(tag["score"]), 6)) for tag in best_tags([one, other])] == [
            ("sofa", 0.95),
            ("cat", 0.9),
        ]


def test_who_writes_tags() -> None:
    """From scores on that are fitted, see the cards."""
    least = {name: card.scores.tags_from for name, card in CARDS.items() if card.scores is not None}
    least |= {name: card.boxes.tags_from for name, card in CARDS.items() if card.boxes is not None}
    assert {name for name, score in least.items() if score is not None} == {"efficientnet-lite0", "nanodet-g"}

"""Tags of a video."""

from __future__ import annotations

import numpy as np

from operators.frames.tags import MAX_TAGS, top_tags


class TestTopTags:
    def test_mean_over_frames_best_first(self) -> None:
        """A tag's score is its mean probability; those below the floor are left out."""
        probabilities = np.array([[0.7, 0.2, 0.04, 0.06], [0.1, 0.8, 0.04, 0.06]], dtype=np.float32)

        tags = top_tags(probabilities, ("cat", "dog", "sofa", "lamp"))

        assert ["dog", "cat", "lamp"] == [tag["name"] for tag in tags]
        assert [0.5, 0.4, 0.06] == [round(float(tag["score"]), 6) for tag in tags]

    def test_classes_of_one_name_are_one_tag(self) -> None:
        """Two classes that share a name add up, for they exclude each other."""
        tags = top_tags(np.array([[0.04, 0.03, 0.93]], dtype=np.float32), ("missile", "missile", "sky"))

        assert ["sky", "missile"] == [tag["name"] for tag in tags]
        assert round(float(tags[1]["score"]), 6) == 0.07

    def test_at_most_ten(self) -> None:
        """However many classes reach the floor."""
        tags = top_tags(np.full((1, 15), 1 / 15, dtype=np.float32), tuple(f"class {n}" for n in range(15)))

        assert MAX_TAGS == len(tags)

    def test_nothing_recognised(self) -> None:
        """A classifier that is unsure of everything gives no tag."""
        assert top_tags(np.full((3, 100), 0.01, dtype=np.float32), tuple(map(str, range(100)))) == []

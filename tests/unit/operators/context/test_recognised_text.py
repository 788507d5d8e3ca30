"""Recognised texts as one text, with the times of what is in them."""

from __future__ import annotations

import numpy as np
import pytest

from operators.context.passages import Passage
from operators.context.recognised_text import read_recognised
from operators.context.text_times import no_times, text_segments
from operators.segments import TimeSpan
from schemas.evidence import TextFound
from tests.unit.streams.analysis.agents.fake_work import text_models

LONG = "This is a sentence that has more than eight words in it."


def found(*texts: tuple[str, float]) -> list[TextFound]:
    """Texts of a second each."""
    return [TextFound(model="m@1", text=text, score=0.9, start_seconds=at, end_seconds=at + 1.0) for text, at in texts]


class TestTimes:
    def test_of_a_sentence(self) -> None:
        """Each sentence has the times of the texts that it is in, also if it goes on in the next one."""
        read = read_recognised(
            "speech",
            found((LONG, 1.0), ("And this is one that goes", 10.0), ("on in the next text.", 20.0)),
            text_models(),
        )
        first, second = read.analysis.abuse_items[0].passages[:2]

        assert list(read.times([first])) == [TimeSpan(1.0, 2.0)]
        assert list(read.times([second])) == [TimeSpan(10.0, 21.0)]
        assert first.part == "speech"

    def test_of_what_is_said_twice(self) -> None:
        """It is scored once, and has two times."""
        read = read_recognised("picture", found((LONG, 1.0), (LONG, 50.0)), text_models())
        ((passage,),) = (item.passages for item in read.analysis.abuse_items)

        assert list(read.times([passage])) == [TimeSpan(1.0, 2.0), TimeSpan(50.0, 51.0)]

    def test_of_odd_texts(self) -> None:
        """Controls, blanks at the ends and texts of nothing shift no time."""
        read = read_recognised(
            "speech", found(("  \x00 ", 0.0), (f" {LONG}\x07 ", 5.0), (LONG.upper(), 9.0)), text_models()
        )
        spans = [
            span for item in read.analysis.abuse_items for passage in item.passages for span in read.times([passage])
        ]

        assert spans[:2] == [TimeSpan(5.0, 6.0), TimeSpan(9.0, 10.0)]


class TestSegments:
    def test_joins_and_sorts(self) -> None:
        """Touching times join, the strongest come first, and low scores have none."""
        groups = [[Passage("speech", "as written", str(number))] for number in range(4)]
        spans = {"0": TimeSpan(5.0, 6.0), "1": TimeSpan(0.0, 1.0), "2": TimeSpan(1.0, 2.0), "3": TimeSpan(8.0, 9.0)}
        segments = text_segments(np.array([0.9, 0.6, 0.7, 0.4]), groups, lambda group: [spans[p.text] for p in group])

        assert [(each.start_seconds, each.end_seconds, each.score) for each in segments] == [
            (5.0, 6.0, pytest.approx(0.9)),
            (0.0, 2.0, pytest.approx(0.7)),
        ]

    def test_uploaded_text_has_none(self) -> None:
        """A title has no seconds."""
        assert text_segments(np.array([0.9]), [[Passage("title", "as written", "x")]], no_times) == ()

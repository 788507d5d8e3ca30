"""Text in pictures in the frames agent: what is stated of it, and what it costs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from operators.context.recognised_labels import ON_SCREEN_ABUSE
from operators.media.tracks import TextPicture
from streams.analysis.agents import frames
from streams.analysis.agents.analysis import Analysis
from streams.analysis.agents.on_screen_text import DETECTION, PICTURE_SPACE, RECOGNITION
from tests.support.painted_lines import PaintedReaders
from tests.unit.streams.analysis.agents import fake_work
from tests.unit.streams.analysis.agents.fake_work import FakeBatcher, FakeSession, work_of

INSULT = 4


def by_length(scores: dict[int, float]) -> FakeBatcher:
    """A toxicity network that goes by the number of characters, see `FakeTokens`."""

    def answer(item: np.ndarray) -> tuple[np.ndarray, ...]:
        row = np.zeros(6, np.float32)
        row[INSULT] = scores.get(int(item[0]), 0.0)
        return (row,)

    return FakeBatcher(answer)


async def analysed(*pictures: tuple[str, tuple[float, ...]], score: float = 0.9, **fields: object) -> Analysis:
    """Analyse four frames, one a second from 0.5 s on, and pictures with a line of text each, shown at some of them."""
    readers = PaintedReaders()
    found = [TextPicture(seconds[0], readers.picture((text, score)), seconds) for text, seconds in pictures]
    session = FakeSession(fake_work.frames(4), text_pictures_found=tuple(found))
    work = dataclasses.replace(work_of(session, **fields), readers=readers)  # type: ignore[arg-type]
    return await frames.analyse(work)


class TestStatement:
    async def test_text(self) -> None:
        """A line with its place and the time for which it is shown; the receipt names both models."""
        analysis = await analysed(("a good day to you", (0.5, 1.5)))
        (text,) = analysis.texts
        assert (text.text, text.start_seconds, text.end_seconds) == ("a good day to you", 0.5, 2.5)
        assert text.box
        assert PICTURE_SPACE in analysis.embeddings
        assert analysis.features["visual.text_language"].value == "en"
        assert analysis.features["visual.text_read_ratio"].value == 1.0
        assert 0.05 < analysis.features["visual.text_area_ratio"].value < 0.2
        assert {DETECTION.name, RECOGNITION.name} <= set(analysis.receipt.models)

    async def test_text_is_in_no_feature(self) -> None:
        """What is read is handed over apart from what is stored."""
        analysis = await analysed(("a good day to you", (0.5,)))
        assert "good day" not in repr(dataclasses.replace(analysis, texts=()))

    async def test_shown_twice(self) -> None:
        """A caption that comes back has two times."""
        analysis = await analysed(("a good day to you", (0.5, 3.5)))
        assert [(text.start_seconds, text.end_seconds) for text in analysis.texts] == [(0.5, 1.5), (3.5, 4.0)]

    async def test_an_unknown_script(self) -> None:
        """It has a time and no text, and no label."""
        analysis = await analysed(("", (1.5, 2.5)), score=0.0)
        assert analysis.features["visual.text_present_unread"].value == [
            {"start_seconds": 1.5, "end_seconds": 3.5, "num_lines": 1}
        ]
        assert analysis.features["visual.text_read_ratio"].value == 0.0
        assert analysis.texts == ()
        assert ON_SCREEN_ABUSE not in {label.label for label in analysis.labels}

    async def test_without_text(self) -> None:
        """No share, because there is nothing to have a share of."""
        analysis = await analysed(("", (0.5,)), score=0.9)
        plain = await frames.analyse(work_of(FakeSession(fake_work.frames(4))))
        assert "visual.text_read_ratio" in analysis.features
        assert not [name for name in plain.features if "text" in name]


class TestAbuse:
    async def test_has_its_seconds(self) -> None:
        """The label names the time of the picture with the abuse, and of no other one."""
        harmless, bad = "a good day to you all", "you are a bad one"
        toxicity = by_length({len(bad): 0.95})
        analysis = await analysed((harmless, (0.5, 1.5)), (bad, (2.5,)), toxicity=toxicity)
        (found,) = [label for label in analysis.labels if label.label == ON_SCREEN_ABUSE]
        assert found.score == pytest.approx(0.95)
        assert [(each.start_seconds, each.end_seconds) for each in found.segments] == [(2.5, 3.5)]
        assert found.text
        assert found.text.part == "picture"

    async def test_pictures_are_judged_apart(self) -> None:
        """A harmless caption does not become one text with what flashes up."""
        harmless, bad = "a good day", "you are bad"
        toxicity = by_length({len(bad): 0.95})
        await analysed((harmless, (0.5, 1.5)), (bad, (2.5,)), toxicity=toxicity)
        assert {int(item[0]) for item in toxicity.items} == {len(harmless), len(bad)}

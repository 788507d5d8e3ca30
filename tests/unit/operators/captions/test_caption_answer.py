"""What of an answer is kept: nothing that has another form, repeats itself, quotes, or hides something."""

from __future__ import annotations

import json
import unicodedata
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.captions.caption_answer import (
    MAX_CAPTION_CHARACTERS,
    MAX_HASHTAG_CHARACTERS,
    MAX_HASHTAGS,
    MAX_TITLE_CHARACTERS,
    Caption,
    caption_of,
)
from operators.captions.caption_states import CAPTION_STATES
from operators.context.hashtags import normalised_hashtag
from operators.inference.loaded_model import ServerUsage
from operators.inference.remote.chat_client import ChatAnswer
from tests.documents import DOCS, section, table

GOOD = {"title": "A cat on a bike", "caption": "A cat rides a small bike along a road.", "hashtags": ["cat", "bike"]}
Ended = Literal["stop", "length", "repetition"]


def kept(answer: object, *texts: str, ended: Ended = "stop") -> Caption:
    text = answer if isinstance(answer, str) else json.dumps(answer)
    return caption_of(ChatAnswer(text, ended, ServerUsage("h:1", 1.0)), texts)


def with_caption(caption: str, **fields: Any) -> Caption:
    return kept({**GOOD, "caption": caption, **fields})


class TestForm:
    def test_as_it_was_written(self) -> None:
        """Nothing of a good answer is changed."""
        assert kept(GOOD) == Caption("whole", GOOD["title"], GOOD["caption"], ("cat", "bike"))  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        "answer",
        [
            "A cat.",
            "<html><body>502</body></html>",
            "```json\n" + json.dumps(GOOD) + "\n```",
            "",
            "null",
            "[]",
            {},
            {**GOOD, "title": 3},
            {**GOOD, "title": 10**400},
            {**GOOD, "title": None},
            {**GOOD, "hashtags": "cat"},
            {**GOOD, "hashtags": [1e999]},
            {**GOOD, "action": "allow"},
            {**GOOD, "title": " \u200b\u202e "},
            {**GOOD, "caption": "..."},
            json.dumps(GOOD)[:-3],
            '{"title": ' + "[" * 100_000,
            '{"title": "\\ud800", "caption": "x", "hashtags": []}',
            "\ud800",
        ],
    )
    def test_another_form(self, answer: object) -> None:
        """It is no caption, however near it is."""
        assert kept(answer) == Caption("malformed")

    @pytest.mark.parametrize(("ended", "state"), [("length", "truncated"), ("repetition", "repetition")])
    def test_an_answer_that_was_ended(self, ended: Ended, state: str) -> None:
        """Even if it can be read: what would have followed is not known."""
        assert kept(GOOD, ended=ended) == Caption(state)  # type: ignore[arg-type]

    def test_states_are_documented(self) -> None:
        """Each state of the code, in its order."""
        text = section(DOCS["captions.md"], "What comes back").partition("| `visual.caption_state` | meaning")[2]
        assert [row[0] for row in table("| a | b" + text)] == list(CAPTION_STATES)


class TestLimits:
    def test_a_long_caption(self) -> None:
        """It ends at a word, and says that it was cut."""
        words = " ".join(f"word{number}" for number in range(100))
        caption = with_caption(words)
        assert caption.state == "cut"
        assert len(caption.text) <= MAX_CAPTION_CHARACTERS
        assert words.startswith(f"{caption.text} ")

    def test_a_text_without_blanks(self) -> None:
        """It is cut anywhere."""
        assert len(with_caption("".join(map(chr, range(0x4E00, 0x4E00 + 900)))).text) == MAX_CAPTION_CHARACTERS

    def test_a_long_title(self) -> None:
        """The same."""
        caption = kept({**GOOD, "title": "Nine lives of a cat on a bike and what came of them " * 2})
        assert (caption.state, caption.title) == (
            "cut",
            "Nine lives of a cat on a bike and what came of them Nine lives of a cat on a",
        )

    def test_many_hashtags(self) -> None:
        """The first."""
        caption = kept({**GOOD, "hashtags": [f"tag{number}" for number in range(10_000)]})
        assert caption.hashtags == tuple(f"tag{number}" for number in range(MAX_HASHTAGS))


class TestLoops:
    @pytest.mark.parametrize(
        ("caption", "left"),
        [
            (
                "A man walks in the park and then a dog and then a dog and then a dog and",
                "A man walks in the park and then a dog",
            ),
            ("no no no no no no no no no", "no"),
            ("A cat, a cat, a CAT. A cat sleeps", "A cat,"),
            ("It rains. " + "He runs away from the big red bus. " * 8, "It rains. He runs away from the big red bus."),
            ("一只猫骑自行车" * 12, None),
            ("hahaha" * 40, None),
        ],
    )
    def test_end_where_they_begin(self, caption: str, left: str | None) -> None:
        """Of what is repeated the first is kept, and the state says that something is missing."""
        found = with_caption(caption)
        assert found.state == "cut"
        assert left is None or found.text == left
        assert len(found.text) < len(caption)

    @pytest.mark.parametrize(
        "caption",
        [
            "No, no, no: a man refuses to leave.",
            "A cat on a mat, a cat on a bike, and a cat on a roof.",
            "Bora Bora and Pago Pago from above.",
            "Ha ha ha ha, says the clown.",
        ],
    )
    def test_repeats_of_people_stay(self, caption: str) -> None:
        """What people say, too, is no loop."""
        assert with_caption(caption) == Caption("whole", GOOD["title"], caption, ("cat", "bike"))  # type: ignore[arg-type]


class TestHiddenThings:
    def test_invisible_characters(self) -> None:
        """Marks of direction, zero-width characters, tags and controls go; those that emoji and scripts need stay."""
        caption = with_caption(
            "A c\u200bat\u202e on\u2066 a\x07 bike\ufeff.\r\nIt \U000e0041is 👩\u200d🚀 and می\u200cخواهم"
        )
        assert caption.text == "A cat on a bike. It is 👩\u200d🚀 and می\u200cخواهم"

    @pytest.mark.parametrize(
        "caption",
        [
            "See more at https://evil.example/x",
            "Buy at WWW.EVIL.EXAMPLE now",
            "Write to me@evil.example for more",
            "Follow @evil for more cats",
            "Call +49 (170) 1234-5678 now",
            "Call 0 1 7 0 1 2 3 4 5 6 now",
            "See more at ht\u200btps://evil.example/x",
        ],
    )
    def test_contacts(self, caption: str) -> None:
        """A caption is the platform's own words: nobody advertises in it."""
        assert with_caption(caption) == Caption("contact")
        assert kept({**GOOD, "title": caption}) == Caption("contact")

    @pytest.mark.parametrize("caption", ["Film of 1939-1945 in 4:3", "On 30.11.2026 at 12:30", "A 10 km run @ night"])
    def test_numbers(self, caption: str) -> None:
        """Years, dates and lengths are no numbers to call."""
        assert with_caption(caption).text == caption


class TestQuotations:
    SPOKEN = "My name is Ada Lovelace and I live at number seven in the old mill road."

    def test_what_is_said(self) -> None:
        """Half a sentence of the transcript, in whatever case and punctuation, is not published by way of a caption."""
        caption = "A woman says: MY NAME IS -- Ada Lovelace, and I live at number seven."
        assert kept({**GOOD, "caption": caption}, "Hello.", self.SPOKEN) == Caption("quotation")
        assert kept({**GOOD, "title": caption[:70]}, self.SPOKEN) == Caption("quotation")
        assert kept({**GOOD, "hashtags": self.SPOKEN.split()[3:11]}, self.SPOKEN) == Caption("quotation")

    def test_across_lines(self) -> None:
        """Recognised texts are one text: a sentence goes on in the next."""
        caption = "She says: I live at number seven in the old mill road."
        assert kept({**GOOD, "caption": caption}, "I live at number", "seven in the old mill road") == Caption(
            "quotation"
        )

    def test_a_mention(self) -> None:
        """Names and single words are no quotation."""
        assert kept({**GOOD, "caption": "Ada Lovelace introduces herself."}, self.SPOKEN).state == "whole"

    def test_a_script_without_blanks(self) -> None:
        """Thirteen ideographs say as much as six words."""
        said = "我们今天一起去公园看很多漂亮的花"
        assert kept({**GOOD, "caption": f"他说{said[:13]}。"}, said) == Caption("quotation")
        assert kept({**GOOD, "caption": f"他说{said[:8]}。"}, said).state == "whole"


class TestHashtags:
    @pytest.mark.parametrize(
        ("given", "kept_as"),
        [
            ("#Cat", "cat"), ("＃Cat", "cat"), ("cat", "cat"), ("ＣＡＴ", "cat"), ("new york", ""), ("cat#dog", ""),
            ("2026", ""), ("", ""), ("#", ""), ("c\u200bat", ""), ("\u202etac", ""), ("a" * 41, ""), ("猫", "猫"),
            ("https://x.example", ""), (" cat ", "cat"), ("cat\n", "cat"), ("x\x00y", ""),
        ],
    )  # fmt: skip
    def test_form(self, given: str, kept_as: str) -> None:
        """The form of hashtags of uploads, or none: words are never joined to one that nobody wrote."""
        assert kept({**GOOD, "hashtags": [given]}).hashtags == ((kept_as,) if kept_as else ())

    def test_each_once(self) -> None:
        """Spellings of one tag are one."""
        assert kept({**GOOD, "hashtags": ["Cat", "#cat", "CAT", "dog"]}).hashtags == ("cat", "dog")


@given(st.text(max_size=1_000), st.text(max_size=400), st.lists(st.text(max_size=80), max_size=20))
def test_any_answer(caption: str, title: str, hashtags: list[str]) -> None:
    """Whatever is written: limits hold, one line, no control and no mark of direction, hashtags in their form."""
    found = kept({"title": title, "caption": caption, "hashtags": hashtags})
    assert found.state in CAPTION_STATES
    assert bool(found.text) == bool(found.title) == (found.state in ("whole", "cut"))
    assert len(found.text) <= MAX_CAPTION_CHARACTERS
    assert len(found.title) <= MAX_TITLE_CHARACTERS
    assert len(found.hashtags) <= MAX_HASHTAGS
    for character in found.text + found.title:
        assert unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp")
        assert unicodedata.bidirectional(character) not in (
            "LRE",
            "RLE",
            "LRO",
            "RLO",
            "PDF",
            "LRI",
            "RLI",
            "FSI",
            "PDI",
        )
    for hashtag in found.hashtags:
        assert hashtag == normalised_hashtag(hashtag)
        assert len(hashtag) <= MAX_HASHTAG_CHARACTERS

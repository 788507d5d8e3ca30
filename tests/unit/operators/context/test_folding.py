"""A text in the letters that a reader takes it for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.context.folding import folded
from operators.context.invisible import without_any_invisible, without_invisible


class TestFolded:
    @pytest.mark.parametrize(
        ("written", "read"),
        [
            ("Plain  title", "plain title"),
            ("c\u200bl\u00ade\u2060a\ufeffn", "clean"),
            ("n\u0336o\u0336 e\u0301 Z\u0311a\u0308l\u0489go", "no e zalgo"),
            ("ｆｕｌｌ 𝔣𝔯𝔞𝔨 𝒔𝒄𝒓 Ⓒⓘⓡ 🅽🅴🅶 🇷🇪🇬", "full frak scr cir neg reg"),
            ("ꜱᴍᴀʟʟ ᴄᴀᴘꜱ", "small caps"),
            ("саре", "cape"),
            ("Tоkyо", "tokyo"),
            ("&amp;#99;&#x61;&#116; %63%61%74 c<b></b>at", "cat cat cat"),
            ("no\u00a0break\u202fand\u3000wide\u2800blank", "no break and wide blank"),
            ("\u202etac\u202c and \u202egod", "cat and dog"),
            ("Łódź ØRE straße ı", "lodz ore strasse i"),
        ],
    )
    def test_reads_as(self, written: str, read: str) -> None:
        """Whatever shows letters is those letters."""
        assert read == folded(written)

    @pytest.mark.parametrize(
        "text",
        [
            "прогулка по вечерней москве",
            "о ное и его ковчеге",
            "τα πιο μικρα νησια",
            "घर पर रोटी",
            "東京の夜",
            "한국어",
        ],
    )
    def test_other_scripts(self, text: str) -> None:
        """Words of other scripts stay what they are, also the few of them that could be written in Latin."""
        assert text == folded(text)

    @given(st.text(max_size=200))
    def test_anything(self, text: str) -> None:
        """Any text has one reading, without characters that show nothing, and decoding comes to an end."""
        read = folded(text)
        assert read == without_any_invisible(read)
        assert folded(folded(read)) == folded(folded(folded(read)))


class TestInvisible:
    @pytest.mark.parametrize(
        "text",
        [
            "می\u200cخواهم",
            "क्\u200dया",
            "👩\u200d👩\u200d👧",
            "❤\ufe0f",
            "1\ufe0f\u20e3",
            "قناة\u200f YouTube",
            "🏴\U000e0067\U000e007f",
        ],
    )
    def test_needed(self, text: str) -> None:
        """Persian, Hindi, emoji and marks of direction next to Arabic keep what they are written with."""
        assert text == without_invisible(text)

    @pytest.mark.parametrize(
        "hidden", ["\u200b", "\u200d", "\u00ad", "\u034f", "\u2060", "\ufe0f", "\U000e0061", "\u202e", "\u3164"]
    )
    def test_not_needed(self, hidden: str) -> None:
        """Between Latin letters nothing of it shows."""
        assert without_invisible(f"w{hidden}ord") == "word"

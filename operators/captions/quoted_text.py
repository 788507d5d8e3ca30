"""Text of a video as data in a question: cleaned, limited in length, and in quotes that it cannot leave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from operators.context.invisible import without_any_invisible
from operators.context.text import clean_text
from schemas.evidence import TextFound

MAX_SPOKEN_CHARACTERS: Final = 2_000
MAX_SHOWN_CHARACTERS: Final = 1_000


def plain_lines(texts: Iterable[TextFound], max_characters: int) -> tuple[str, ...]:
    """Return texts in order of time, each once, without invisible characters, up to a number of characters in all."""
    lines: dict[str, None] = {}
    left = max_characters
    for found in sorted(texts, key=lambda each: each.start_seconds):
        line = " ".join(without_any_invisible(clean_text(found.text, max_characters)).split())[:left]
        if line and line not in lines:
            lines[line] = None
            left -= len(line)
    return tuple(lines)


def quoted(parts: Mapping[str, Sequence[object]]) -> str:
    """Return lists of values as one JSON object.

    A quotation mark, a backslash or a line break within a text is escaped, and so is `<`, by which some models mark
    the end of a message.
    """
    return msgspec.json.encode(dict(parts)).decode().replace("<", "\\u003c")

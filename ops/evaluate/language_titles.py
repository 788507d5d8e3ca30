"""The titles of `data/language_titles.tsv`, in each form in which they are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

DATA_FILE: Final = Path(__file__).parent / "data" / "language_titles.tsv"
FORMS: Final[Mapping[str, Callable[[str], str]]] = {
    "sentence": lambda text: text,
    "hashtags": lambda text: f"{text} #fyp #viral #foryou #trending",
    "emoji": lambda text: f"{text} 😂🔥",
    "capitals": str.upper,
}
"""How a sentence is written, by the kind of the item."""
_OWN_SCRIPT: Final = frozenset(("el", "he", "ta", "th", "ja", "ko"))


def titles() -> Iterator[tuple[str, str, str]]:
    """Yield kind, language and text of each title in each form; capitals only of scripts that have them."""
    for line in DATA_FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        length, language, text = line.split("\t")
        if length == "short":
            yield ("short, own script" if language in _OWN_SCRIPT else "short"), language, text
            continue
        for kind, written in FORMS.items():
            if kind != "capitals" or written(text) != text:
                yield kind, language, written(text)

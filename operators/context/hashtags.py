"""Hashtags in one normal form, from all parts of the upload."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from operators.context.marks import with_few_marks
from operators.context.text import clean_text
from schemas.uploads import VideoUploaded

MAX_HASHTAGS = 50
MAX_HASHTAG_CHARACTERS = 100
"""Longer ones do not count as hashtags."""
_MAX_RAW_CHARACTERS = 1_000
"""Maximum length of a given hashtag, with characters that are not word characters; the rest is ignored."""

_HASHTAG = re.compile(r"(?<![\w&/])[#＃](\w+)")
"""A number sign that follows neither a word (`C#`), an entity (`&#39;`) nor a path (`/#x`), and the following word."""
_NO_WORD = re.compile(r"\W+")


def upload_hashtags(upload: VideoUploaded) -> tuple[str, ...]:
    """Return the hashtags of the field, then of the title, then of the description; each once, at most
    `MAX_HASHTAGS`."""
    written = f"{clean_text(upload.title)}\n{clean_text(upload.description)}"
    found = (*upload.hashtags, *_HASHTAG.findall(unicodedata.normalize("NFKC", written)))
    return _distinct(normalised_hashtag(hashtag) for hashtag in found)


def normalised_hashtag(hashtag: str) -> str:
    """Return the normal form: NFKC, case folded, word characters only; empty without word characters and for mere
    numbers."""
    plain = with_few_marks(hashtag[:_MAX_RAW_CHARACTERS])
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", plain).casefold())
    word = _NO_WORD.sub("", folded)
    is_word = any(character.isalpha() for character in word) and len(word) <= MAX_HASHTAG_CHARACTERS
    return word if is_word else ""


def _distinct(hashtags: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(hashtag for hashtag in hashtags if hashtag))[:MAX_HASHTAGS]

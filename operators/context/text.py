"""Cleans the text of an upload: limited in length, without control characters, in one normal form."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import islice

from operators.context.invisible import without_invisible
from operators.context.marks import with_few_marks
from schemas.uploads import MAX_UPLOAD_BYTES, VideoUploaded

MAX_TEXT_CHARACTERS = MAX_UPLOAD_BYTES
"""The limit of an upload event."""
MAX_DESCRIBED_CHARACTERS = 20_000
"""Text after this is scored for abuse, but not used for embedding, language and hashtags."""

_KEPT_CONTROLS = frozenset("\n\t")
_NO_CONTROLS = dict.fromkeys(map(ord, _KEPT_CONTROLS))
_DROPPED_CATEGORIES = frozenset(("Cc", "Cs", "Co", "Cn"))
"""Controls, lone surrogates, private and unassigned code points. Format characters (Cf) stay: emoji and Indic scripts
contain them."""


def clean_text(text: str, max_characters: int = MAX_DESCRIBED_CHARACTERS) -> str:
    """Return the first characters of a text in Unicode's NFC, without control characters and blanks at the ends.

    Invisible characters stay: they are part of what was written.
    """
    if text.isascii() and text.translate(_NO_CONTROLS).isprintable():
        return text[:max_characters].strip()
    # Two cuts: the first limits the work, the second the result, because normal forms may be longer.
    kept = "".join(character for character in text[:max_characters] if _is_kept(character))
    return unicodedata.normalize("NFC", with_few_marks(kept))[:max_characters].strip()


def upload_text(upload: VideoUploaded, hashtags: Sequence[str]) -> str:
    """Return title, description and the hashtags that are in neither, one per line.

    Args:
        upload: the event, with untrusted text.
        hashtags: normalised, without `#`.
    """
    title, description = clean_text(upload.title), clean_text(upload.description)
    written = f"{title}\n{description}".casefold()
    extra = " ".join(hashtag for hashtag in hashtags if f"#{hashtag}" not in written)
    return without_invisible(clean_text("\n".join(part for part in (title, description, extra) if part)))


def prose(upload: VideoUploaded) -> str:
    """Return title and description: hashtags are English in every country, which would mislead the language
    classifier."""
    return without_invisible(clean_text(f"{upload.title}\n{upload.description}"))


def num_words(text: str, limit: int = MAX_DESCRIBED_CHARACTERS) -> int:
    """Return the number of words between blanks; scripts without blanks have few."""
    return sum(1 for _ in islice(text.split(), limit))


def _is_kept(character: str) -> bool:
    return character in _KEPT_CONTROLS or unicodedata.category(character) not in _DROPPED_CATEGORIES

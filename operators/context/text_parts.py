"""The parts of an upload's text: title, description and the field of hashtags."""

from __future__ import annotations

import re
from collections.abc import Iterator

from operators.context.text import MAX_TEXT_CHARACTERS, clean_text
from schemas.evidence import TextPart
from schemas.uploads import VideoUploaded

_HASHTAG = re.compile(r"#(\w+)")
"""Looked up in a set: searching the text for each of 300,000 hashtags takes minutes."""


def text_parts(upload: VideoUploaded) -> Iterator[tuple[TextPart, str]]:
    """Yield the parts that are not empty; of the hashtags, those that are in neither title nor description.

    Hashtags are used as given, because one with an invalid length or characters is text, too.
    """
    title = clean_text(upload.title, MAX_TEXT_CHARACTERS)
    description = clean_text(upload.description, MAX_TEXT_CHARACTERS)
    if title:
        yield "title", title
    if description:
        yield "description", description
    written = frozenset(_HASHTAG.findall(f"{title}\n{description}".casefold()))
    extra = dict.fromkeys(clean_text(hashtag).removeprefix("#") for hashtag in upload.hashtags)
    hashtags = " ".join(hashtag for hashtag in extra if hashtag and hashtag.casefold() not in written)
    if hashtags:
        yield "hashtags", hashtags

"""All that is read from an upload's text beside the batched models, in one visit to the host's threads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.language_id import Language
from operators.context.hashtags import upload_hashtags
from operators.context.language import text_language
from operators.context.text import num_words, prose, upload_text
from operators.context.text_models import TextModels
from schemas.uploads import VideoUploaded

ABUSE_LANGUAGE = "en"
"""The one that the models of abuse know. In others harmless words look like English insults: German `die` alone makes
a text toxic. So a text that is surely of another language is not judged, and says so."""


@dataclass(frozen=True, slots=True)
class TextReading:
    """One upload's text, ready for the models, and what needed none."""

    text: str
    """Empty where the uploader wrote nothing."""
    hashtags: tuple[str, ...]
    language: Language | None
    num_words: int
    profanity_score: float | None
    """None where the text is not judged for abuse."""
    toxicity_items: tuple[np.ndarray, ...]
    """(100,) int64 each, none where the text is not judged for abuse."""
    sentence_item: np.ndarray
    """(128,) int64."""


def read_text(upload: VideoUploaded, models: TextModels) -> TextReading:
    """Read one upload's title, description and hashtags."""
    hashtags, written = upload_hashtags(upload), prose(upload)
    text = upload_text(upload, hashtags)
    language = text_language(models.language, written)
    is_judged = language is None or language.code == ABUSE_LANGUAGE
    return TextReading(
        text=text,
        hashtags=hashtags,
        language=language,
        num_words=num_words(written),
        profanity_score=models.profanity.score(text) if is_judged else None,
        toxicity_items=models.toxicity_tokens.encode_all(text) if is_judged else (),
        sentence_item=models.sentence_tokens.encode(text),
    )

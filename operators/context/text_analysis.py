"""Analyses an upload's text without the batched models, in one call on the host's threads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from models.language_id import Language
from operators.context.abuse_items import AbuseItem, abuse_items
from operators.context.compared_texts import ComparedText, compared_texts
from operators.context.hashtags import upload_hashtags
from operators.context.language import text_language
from operators.context.passages import PartReading, Passage, PassageReader
from operators.context.text import num_words, prose, upload_text
from operators.context.text_models import TextModels
from operators.context.text_parts import text_parts
from schemas.uploads import VideoUploaded


@dataclass(frozen=True, slots=True)
class TextAnalysis:
    """One upload's text, prepared for the models, and the results that need none."""

    text: str
    """Empty without text."""
    hashtags: tuple[str, ...]
    language: Language | None
    num_words: int
    scored: tuple[tuple[Passage, float], ...]
    """Passages with their linear scores; empty if nothing is scored for abuse."""
    abuse_items: tuple[AbuseItem, ...]
    """The network's input; empty if nothing is scored for abuse."""
    compared_texts: tuple[ComparedText, ...]
    """Input of the sentence embedding, to compare with prototypes."""
    planned_ratio: float
    """Share of the letters in a language that the abuse models know or may know; 1 for a text without letters."""
    achieved_ratio: float
    """Share of those letters that are scored; the others exceed the limits."""
    sentence_item: np.ndarray
    """(L,) int64, see `SentenceTokens.encode`."""


def read_text(upload: VideoUploaded, models: TextModels) -> TextAnalysis:
    """Analyse one upload's title, description and hashtags."""
    hashtags, written = upload_hashtags(upload), prose(upload)
    text = upload_text(upload, hashtags)
    identify = cache(models.language)  # for a title alone it is called once
    language = text_language(identify, written)
    reader = PassageReader(identify, models.lexicon, language)
    parts = [reader.read(part, words) for part, words in text_parts(upload)]
    only_emoji: list[Passage] = []
    if text and not any(part.passages or part.num_letters for part in parts):
        only_emoji.append(Passage("title" if upload.title.strip() else "description", "as written", text))
    return analysed(text, parts, models, language, hashtags, num_words(written), only_emoji)


def analysed(
    text: str,
    parts: Sequence[PartReading],
    models: TextModels,
    language: Language | None,
    hashtags: tuple[str, ...] = (),
    words: int = 0,
    further: Sequence[Passage] = (),
) -> TextAnalysis:
    """Prepare what was read of a text for the models.

    Args:
        text: all of it.
        parts: what the reader found in its parts.
        models: of text, on the host.
        language: of the text.
        hashtags: in it.
        words: how many it has.
        further: passages that the reader cannot find.
    """
    passages = [*(passage for part in parts for passage in part.passages), *further]
    scores = [models.profanity.score(passage.text) for passage in passages]
    items = abuse_items(passages, scores, models.toxicity_tokens.encode_all)
    num_letters = sum(part.num_letters for part in parts)
    num_english = sum(part.num_english_letters for part in parts)
    num_left_out = items.num_left_out_letters + sum(part.num_unrestored_letters for part in parts)
    return TextAnalysis(
        text=text,
        hashtags=hashtags,
        language=language,
        num_words=words,
        scored=tuple(zip(passages, scores, strict=True)),
        abuse_items=items.items,
        compared_texts=compared_texts(passages, scores, models.sentence_tokens.encode),
        planned_ratio=num_english / num_letters if num_letters else 1.0,
        achieved_ratio=max(1.0 - num_left_out / max(num_english, 1), 0.0),
        sentence_item=models.sentence_tokens.encode(text),
    )

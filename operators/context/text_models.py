"""Text models and tokenizers that run on the host, outside the batchers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from models.language_id import LanguageId, load_language_id
from models.profanity import Profanity, load_profanity
from models.sentence_embedding import SentenceTokens, load_sentence_tokens
from models.toxicity import ToxicityTokens, load_toxicity_tokens
from operators.context.kept_vocabulary import kept_toxicity_tokens
from operators.context.lexicon import Lexicon, lexicon_of
from operators.inference.private_cache import PrivateCache


@dataclass(frozen=True, slots=True)
class TextModels:
    """Loaded once per worker; safe to use from several threads."""

    language: LanguageId
    profanity: Profanity
    toxicity_tokens: ToxicityTokens
    sentence_tokens: SentenceTokens
    lexicon: Lexicon


def load_text_models(cache_dir: Path, kept: PrivateCache | None = None) -> TextModels:
    """Read all of them from the weight cache; `kept` caches in short form what takes long to read."""
    profanity = load_profanity(cache_dir)
    toxicity_tokens = kept_toxicity_tokens(cache_dir, kept) if kept else load_toxicity_tokens(cache_dir)
    return TextModels(
        language=load_language_id(cache_dir),
        profanity=profanity,
        toxicity_tokens=toxicity_tokens,
        sentence_tokens=load_sentence_tokens(cache_dir),
        lexicon=lexicon_of(profanity, toxicity_tokens),
    )

"""An upload's text as an added model reads it: pieces of numbered tokens, by the tokenizer that its card names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from tokenizers import Tokenizer

from models.added_files import MAX_SMALL_FILE_BYTES, verified_content
from models.card import Card, ModelSource
from models.card_errors import refuse
from models.model_files import CardFile
from models.model_input import TextInput

MAX_PIECES: Final = 256
"""Of one upload; more than a text of 20,000 characters has with 128 tokens a piece."""


class TextPieces:
    """Cuts texts into pieces of tokens; safe to use from several threads."""

    def __init__(self, tokenizer: Tokenizer, max_tokens: int, pad_id: int) -> None:
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self.pad_id = pad_id

    def encode_all(self, text: str) -> tuple[np.ndarray, ...]:
        """All of a text, (max_tokens,) int64 a piece, padded behind; at least one piece."""
        first = self._tokenizer.encode(text)
        pieces = [first, *first.overflowing][:MAX_PIECES]
        return tuple(self._padded(piece.ids) for piece in pieces)

    def _padded(self, ids: list[int]) -> np.ndarray:
        item = np.full(self._max_tokens, self.pad_id, dtype=np.int64)
        item[: len(ids)] = ids
        return item


def read_tokenizer(source: ModelSource, given: TextInput) -> TextPieces:
    """Read the tokenizer of a card.

    Raises:
        CardInvalid: the file is missing, altered or no tokenizer, or lacks the token that pads.
    """
    tokenizer = load_tokenizer(source, given.tokenizer)
    pad_id = tokenizer.token_to_id(given.pad_token)
    if pad_id is None:
        raise refuse(source.card_path, "input.pad_token", given.pad_token, "a token that the tokenizer knows")
    tokenizer.no_padding()
    tokenizer.enable_truncation(given.max_tokens)
    return TextPieces(tokenizer, given.max_tokens, pad_id)


def load_tokenizer(source: ModelSource, file: CardFile) -> Tokenizer:
    """Read a verified tokenizer.json. Raises CardInvalid."""
    content = verified_content(source, file, MAX_SMALL_FILE_BYTES)
    try:
        return Tokenizer.from_str(content.decode("utf-8"))
    except Exception as error:
        # The library raises plain Exception for whatever is wrong with the text.
        raise refuse(source.card_path, "input.tokenizer", file.path, f"a tokenizer.json ({error})") from error


def read_tokenizers(cards: Mapping[str, Card]) -> dict[str, TextPieces]:
    """Those of all cards that read text, by name of the model. Raises CardInvalid."""
    return {
        card.name: read_tokenizer(card.model, card.prepared)
        for card in cards.values()
        if card.model is not None and isinstance(card.prepared, TextInput)
    }

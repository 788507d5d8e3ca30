"""The text of a model with a CTC head: the best token of each step, without repetitions and blanks (Graves et al.,
Connectionist Temporal Classification, ICML 2006)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import groupby

import msgspec
import numpy as np

from models.added_files import MAX_SMALL_FILE_BYTES, verified_content
from models.card import ModelSource
from models.card_errors import refuse
from models.model_output import TextOutput


@dataclass(frozen=True, slots=True)
class CtcVocabulary:
    """The characters of a model's columns."""

    characters: dict[int, str]
    """Without blanks and other tokens that are no text."""
    num_columns: int
    """The least that the model has."""

    def read(self, steps: np.ndarray) -> tuple[str, float]:
        """Return a text and the mean probability of its characters; an empty one has 0.0.

        Args:
            steps: (T, 2) best token of each step, and its probability.
        """
        runs = [(int(token), max(float(row[1]) for row in rows)) for token, rows in groupby(steps, lambda row: row[0])]
        found = [(self.characters[token], score) for token, score in runs if token in self.characters]
        text = " ".join("".join(character for character, _ in found).split())
        return text, sum(score for _, score in found) / len(found) if text else 0.0


@cache
def read_vocabulary(source: ModelSource, given: TextOutput) -> CtcVocabulary:
    """Read the vocabulary of a card: a JSON object of tokens with their columns, or a list of tokens.

    Raises:
        CardInvalid: the file is missing, altered or no vocabulary, or lacks the blank.
    """
    content = verified_content(source, given.vocabulary, MAX_SMALL_FILE_BYTES)
    field = f"outputs[{given.index}].vocabulary"
    try:
        found = msgspec.json.decode(content, type=dict[str, int] | list[str])
    except (msgspec.MsgspecError, RecursionError) as error:
        allowed = f"a JSON object of tokens with their columns, or a list of tokens ({error})"
        raise refuse(source.card_path, field, given.vocabulary.path, allowed) from error
    columns = found if isinstance(found, dict) else {token: column for column, token in enumerate(found)}
    if not columns or min(columns.values()) < 0:
        raise refuse(source.card_path, field, given.vocabulary.path, "columns from 0 on, at least one")
    if given.blank not in columns:
        allowed = "a token of the vocabulary"
        raise refuse(source.card_path, f"outputs[{given.index}].blank", given.blank, allowed)
    characters = {
        column: _character(token, given) for token, column in columns.items() if not _is_special(token, given)
    }
    return CtcVocabulary(characters, max(columns.values()) + 1)


def _character(token: str, given: TextOutput) -> str:
    return " " if token == given.space else token


def _is_special(token: str, given: TextOutput) -> bool:
    """Whether a token is no text: the blank, and words in brackets such as `<unk>` and `[PAD]`."""
    is_bracketed = len(token) > 2 and token[0] + token[-1] in ("<>", "[]")
    return token == given.blank or (is_bracketed and token != given.space)

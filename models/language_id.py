"""Language of a text: fastText's compressed identifier of 176 languages.

Source: A. Joulin et al., "Bag of Tricks for Efficient Text Classification" (2016) and "FastText.zip" (2016).
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol

import fasttext

from models.bounded_text import bounded_text
from models.weight_files import LANGUAGE_ID
from models.weights import weight_path

MAX_CHARACTERS = 2_000
"""The rest is not read: much less is sufficient to identify a language."""

_PREFIX = "__label__"
_ISO_CODES = {"als": "gsw", "bh": "bho", "sh": "hbs"}
"""Wikipedia's codes with another meaning, or none, in ISO 639. Its `eml` and `nah` have no single ISO language."""


class Classifier(Protocol):
    """The used part of a fastText model."""

    def predict(self, text: str, k: int = 1) -> tuple[tuple[str, ...], tuple[float, ...]]:
        """Return the `k` best labels and their probabilities for one line of text."""


class Language(NamedTuple):
    """The probable language of a text."""

    code: str
    """ISO 639-1 if there is one, otherwise ISO 639-3."""
    probability_ratio: float
    """The classifier's own, in [0, 1]; wrongly high for short texts."""


class LanguageId:
    """Identifies the language of texts."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier

    def __call__(self, text: str) -> Language | None:
        """Return the most probable language, or None for a text without a letter."""
        line = " ".join(bounded_text(text, MAX_CHARACTERS).split())
        if not any(character.isalpha() for character in line):
            return None
        labels, probabilities = self._classifier.predict(line)
        code = labels[0].removeprefix(_PREFIX)
        return Language(_ISO_CODES.get(code, code), min(max(float(probabilities[0]), 0.0), 1.0))


def load_language_id(cache_dir: Path) -> LanguageId:
    """Load the identifier from the weight cache.

    Raises:
        models.weights.WeightsMissing, models.weights.WeightsCorrupt: See there.
    """
    return LanguageId(fasttext.load_model(str(weight_path(LANGUAGE_ID, cache_dir))))

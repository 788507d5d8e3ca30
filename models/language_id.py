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
"""What is beyond is not read: a language shows in far less."""

_PREFIX = "__label__"
_ISO_CODES = {"als": "gsw", "bh": "bho", "sh": "hbs"}
"""Wikipedia's codes that mean something else, or nothing, in ISO 639. Its `eml` and `nah` have no one ISO language."""


class Classifier(Protocol):
    """What is used of a fastText model."""

    def predict(self, text: str, k: int = 1) -> tuple[tuple[str, ...], tuple[float, ...]]:
        """The `k` best labels and their probabilities for one line of text."""


class Language(NamedTuple):
    """A guess at the language of a text."""

    code: str
    """ISO 639-1 where there is one, else ISO 639-3."""
    probability_ratio: float
    """The classifier's own, in [0, 1]; short texts get high ones wrongly."""


class LanguageId:
    """Guesses the language of texts."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier

    def __call__(self, text: str) -> Language | None:
        """The likeliest language, or None for a text without a single letter."""
        line = " ".join(bounded_text(text, MAX_CHARACTERS).split())
        if not any(character.isalpha() for character in line):
            return None
        labels, probabilities = self._classifier.predict(line)
        code = labels[0].removeprefix(_PREFIX)
        return Language(_ISO_CODES.get(code, code), min(max(float(probabilities[0]), 0.0), 1.0))


def load_language_id(cache_dir: Path) -> LanguageId:
    """The identifier from the weight cache.

    Raises:
        models.weights.WeightsMissing, models.weights.WeightsCorrupt: See there.
    """
    return LanguageId(fasttext.load_model(str(weight_path(LANGUAGE_ID, cache_dir))))

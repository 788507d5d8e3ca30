"""Profanity of English text: TF-IDF over single words and a calibrated linear support vector machine.

The fitted numbers of the package `alt-profanity-check` evaluated in numpy; neither scikit-learn nor joblib is needed.
Sources: V. Zhou, "Building a Better Profanity Detection Library with scikit-learn" (2019); probabilities after
J. Platt, "Probabilistic Outputs for Support Vector Machines" (1999).
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.bounded_text import bounded_text
from models.restricted_joblib import load_joblib
from models.restricted_pickle import AttributeBag, Stubs
from models.weight_files import PROFANITY_MODEL, PROFANITY_VECTORIZER
from models.weights import weight_path

MAX_CHARACTERS = 20_000
"""The rest is not read."""

_WORD = re.compile(r"\b\w\w+\b")

_STUBS: Stubs = {
    ("sklearn.calibration", "CalibratedClassifierCV"): AttributeBag,
    ("sklearn.calibration", "_CalibratedClassifier"): AttributeBag,
    ("sklearn.calibration", "_SigmoidCalibration"): AttributeBag,
    ("sklearn.feature_extraction.text", "TfidfTransformer"): AttributeBag,
    ("sklearn.feature_extraction.text", "TfidfVectorizer"): AttributeBag,
    ("sklearn.svm._classes", "LinearSVC"): AttributeBag,
}


@dataclass(frozen=True, slots=True)
class Profanity:
    """The fitted model: F cross-validation folds over a vocabulary of V words."""

    vocabulary: dict[str, int]
    """Column of each word. The training's stop words are not included, so no list is needed."""
    inverse_frequencies: np.ndarray
    """(V,) float64, weight of a word."""
    weights: np.ndarray
    """(F, V) float64, one hyperplane per fold."""
    intercepts: np.ndarray
    """(F,) float64."""
    slopes: np.ndarray
    """(F,) float64, Platt's A."""
    offsets: np.ndarray
    """(F,) float64, Platt's B."""

    def score(self, text: str) -> float:
        """Return the probability in [0, 1] that a text is profane; a text of unknown words gets a small constant
        prior."""
        columns, values = self._unit_vector(bounded_text(text, MAX_CHARACTERS))
        distances = self.weights[:, columns] @ values + self.intercepts
        return float(np.mean(1.0 / (1.0 + np.exp(self.slopes * distances + self.offsets))))

    def word_scores(self) -> dict[str, float]:
        """Return the same for each single word of the vocabulary."""
        distances = self.weights + self.intercepts[:, None]
        scores = np.mean(1.0 / (1.0 + np.exp(self.slopes[:, None] * distances + self.offsets[:, None])), axis=0)
        return {word: float(scores[column]) for word, column in self.vocabulary.items()}

    def _unit_vector(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """Return columns (K,) int64 and values (K,) float64 of the text's TF-IDF vector of length one (or zero)."""
        words = (word for word in _WORD.findall(text.lower()) if word in self.vocabulary)
        counts = Counter(self.vocabulary[word] for word in words)
        columns = np.fromiter(counts.keys(), np.int64, len(counts))
        values = np.fromiter(counts.values(), np.float64, len(counts)) * self.inverse_frequencies[columns]
        return columns, values / max(float(np.linalg.norm(values)), np.finfo(np.float64).tiny)


def _fold_numbers(folds: list[Any], calibration: str) -> np.ndarray:
    """Return one number of Platt's sigmoid from every fold, (F,) float64."""
    return np.array([getattr(fold.calibrators[0], calibration) for fold in folds])


def load_profanity(cache_dir: Path) -> Profanity:
    """Load the model from the weight cache.

    Raises:
        ForbiddenGlobal: A file has unexpected content.
        models.weights.WeightsMissing, models.weights.WeightsCorrupt: See there.
    """
    vectorizer = load_joblib(weight_path(PROFANITY_VECTORIZER, cache_dir), _STUBS)
    folds = load_joblib(weight_path(PROFANITY_MODEL, cache_dir), _STUBS).calibrated_classifiers_
    return Profanity(
        vocabulary={word: int(column) for word, column in vectorizer.vocabulary_.items()},
        inverse_frequencies=vectorizer._tfidf.idf_.array,
        weights=np.concatenate([fold.estimator.coef_.array for fold in folds]),
        intercepts=np.concatenate([fold.estimator.intercept_.array for fold in folds]),
        slopes=_fold_numbers(folds, "a_"),
        offsets=_fold_numbers(folds, "b_"),
    )

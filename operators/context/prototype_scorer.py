"""Scores of a text by its nearness to examples: kernel ridge regression over sentence embeddings.

Every example votes for its label or against it, the more the nearer it is to the text; the weights of the votes are
fitted so that the examples themselves come out right. One regression tells abusive examples from harmless ones, one
more for each label tells which. Source: C. Saunders, A. Gammerman, V. Vovk, "Ridge Regression Learning Algorithm in
Dual Variables" (1998).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from operators.context.prototypes import Prototype, Prototypes

_SHARPNESS = 2.0
"""Of the kernel exp(sharpness (cosine - 1))."""
_RIDGE = 0.3
"""The examples' errors that are accepted. Both by five-fold cross-validation over the default examples: the area under
the curve is flat around them, .962 to .965 for 1 to 4 and .1 to 1."""
_SLOPE = 5.5
"""From a regression's value, -1 harmless to 1 abusive, to a score in [0, 1], by a logistic curve (J. Platt, 1999).

Fitted on the cross-validated values of the default examples, both sides with the same weight; its middle comes out at
0."""


@dataclass(frozen=True, slots=True)
class PrototypeScores:
    """Of N texts."""

    abuse: np.ndarray
    """(N,) float32 in [0, 1]: how likely a text is abusive in any way, if half of all texts were."""
    by_label: Mapping[str, np.ndarray]
    """The same for each label; the general one and the likeliest other one have the score for abuse of any kind."""


class ComparesTexts(Protocol):
    """Compares texts with examples."""

    @property
    def prototypes(self) -> Prototypes:
        """The examples."""

    def __call__(self, vectors: np.ndarray) -> PrototypeScores:
        """Score texts by their embeddings, (N, D) float32 of length one."""


class PrototypeScorer:
    """Compares texts with examples.

    Args:
        prototypes: the file's content, with E examples.
        vectors: (E, D) float32, their embeddings, of length one, in the order of `Prototypes.examples`.
    """

    def __init__(self, prototypes: Prototypes, vectors: np.ndarray) -> None:
        self.prototypes = prototypes
        self._vectors = vectors.astype(np.float64)
        examples = tuple(prototypes.examples())
        weights = np.array([example.weight for example in examples])
        targets = [np.array([-1.0 if each.label is None else 1.0 for each in examples])]
        targets += [np.array([_target(each, label) for each in examples]) for label in prototypes.labels]
        kernel = _kernel(self._vectors, self._vectors)
        self._votes = np.stack([_fitted(kernel, target, weights) for target in targets], axis=1)

    def __call__(self, vectors: np.ndarray) -> PrototypeScores:
        """Score texts by their embeddings, (N, D) float32 of length one."""
        values = _kernel(vectors.astype(np.float64), self._vectors) @ self._votes
        abuse, own = values[:, 0], values[:, 1:]
        by_label = np.minimum(own, abuse[:, None])
        by_label[np.arange(len(own)), own.argmax(axis=1)] = abuse
        found = {label: _score(by_label[:, place]) for place, label in enumerate(self.prototypes.labels)}
        return PrototypeScores(_score(abuse), found | {self.prototypes.general: _score(abuse)})


def _target(example: Prototype, label: str) -> float:
    """1 for the label, -1 for a harmless example; 0 leaves the example out, as a text may have several labels."""
    if example.label is None:
        return -1.0
    return 1.0 if example.label == label else 0.0


def _kernel(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    kernel: np.ndarray = np.exp(_SHARPNESS * (one @ other.T - 1.0))
    return kernel


def _fitted(kernel: np.ndarray, target: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the (E,) weights of the votes; both sides count the same, however many examples they have."""
    shares = np.zeros(len(target))
    for side in (-1.0, 1.0):
        members = target == side
        shares[members] = weights[members] / weights[members].sum()
    used = np.flatnonzero(target)
    ridge = _RIDGE / (shares[used] * len(used) / 2.0)
    votes = np.zeros(len(target))
    votes[used] = np.linalg.solve(kernel[np.ix_(used, used)] + np.diag(ridge), target[used])
    return votes


def _score(values: np.ndarray) -> np.ndarray:
    return np.asarray(1.0 / (1.0 + np.exp(-_SLOPE * values)), dtype=np.float32)

"""Toxicity of English text: six labels of the Jigsaw toxic comment challenge from a small bidirectional LSTM.

It reacts to words, not to meaning: it knows insults and obscenities, and flags friendly uses of them, too. Source:
Jigsaw and Conversation AI, "Toxic Comment Classification Challenge" (2018), for data and labels; the network is that of
the package `toxic-comment-classifier`.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from models.bounded_text import bounded_text
from models.restricted_pickle import AttributeBag, Stubs, load_pickle
from models.weight_files import TOXIC_TOKENIZER, TOXIC_WEIGHTS
from models.weights import weight_path

LABELS = ("toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate")
"""In the order of the scores."""
NUM_WORDS = 100
"""Known words in one item."""
MAX_CHARACTERS = 20_000
"""The rest is not read."""

_STUBS: Stubs = {
    ("keras.src.legacy.preprocessing.text", "Tokenizer"): AttributeBag,
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "defaultdict"): defaultdict,
    ("builtins", "int"): int,
}


class ToxicityTokens:
    """Text to word numbers as in the training: unknown words are skipped, zeros come first."""

    def __init__(self, numbers: dict[str, int], separators: str) -> None:
        """Use the number (from 1) of each known word and the characters that count as a blank."""
        self._numbers = numbers
        self._blanks = str.maketrans(dict.fromkeys(separators, " "))

    @property
    def word_numbers(self) -> Mapping[str, int]:
        """Each known word in lower case with its number, which is its frequency rank."""
        return self._numbers

    def encode(self, text: str) -> np.ndarray:
        """Return (100,) int64: the last 100 known words of the text, which include all of a title's."""
        return self._item(self._known_words(text)[-NUM_WORDS:])

    def encode_all(self, text: str) -> tuple[np.ndarray, ...]:
        """Return one (100,) int64 item per 100 known words, at least one, for a long description or transcript."""
        words = self._known_words(text)
        starts = range(0, max(len(words), 1), NUM_WORDS)
        return tuple(self._item(words[start : start + NUM_WORDS]) for start in starts)

    def _known_words(self, text: str) -> list[int]:
        words = bounded_text(text, MAX_CHARACTERS).lower().translate(self._blanks).split()
        return [self._numbers[word] for word in words if word in self._numbers]

    def _item(self, words: list[int]) -> np.ndarray:
        item = np.zeros(NUM_WORDS, dtype=np.int64)
        if words:
            item[-len(words) :] = words
        return item


class Toxicity(nn.Module):
    """Word numbers (N, 100) int64 to scores (N, 6) float32 in [0, 1], in the order of `LABELS`.

    Scores are independent of each other.
    """

    def __init__(self, num_known_words: int) -> None:
        """Build the network untrained, for word numbers in [0, num_known_words)."""
        super().__init__()
        self.embedding = nn.Embedding(num_known_words, 50)
        self.lstm = nn.LSTM(50, 50, batch_first=True, bidirectional=True)
        self.hidden = nn.Linear(100, 50)
        self.classifier = nn.Linear(50, len(LABELS))

    def forward(self, words: Tensor) -> tuple[Tensor]:
        """See the class."""
        states, _ = self.lstm(self.embedding(words))
        hidden = torch.relu(self.hidden(states.amax(1)))
        return (torch.sigmoid(self.classifier(hidden)).float(),)


_STORED_NAMES = {
    "embedding.weight": "embedding/vars/0",
    "hidden.weight": "dense/vars/0",
    "hidden.bias": "dense/vars/1",
    "classifier.weight": "dense_1/vars/0",
    "classifier.bias": "dense_1/vars/1",
    "lstm.weight_ih_l0": "bidirectional/forward_layer/cell/vars/0",
    "lstm.weight_hh_l0": "bidirectional/forward_layer/cell/vars/1",
    "lstm.bias_ih_l0": "bidirectional/forward_layer/cell/vars/2",
    "lstm.weight_ih_l0_reverse": "bidirectional/backward_layer/cell/vars/0",
    "lstm.weight_hh_l0_reverse": "bidirectional/backward_layer/cell/vars/1",
    "lstm.bias_ih_l0_reverse": "bidirectional/backward_layer/cell/vars/2",
}
"""Names of each parameter in Keras; the order of the LSTM's gates is the same in both."""


def _read_state(path: Path) -> dict[str, Tensor]:
    """Return the parameters under the names of `Toxicity`; Keras stores transposed matrices and one LSTM bias."""
    import h5py

    with h5py.File(path, "r") as file:
        state = {name: torch.tensor(file["layers"][stored][()]) for name, stored in _STORED_NAMES.items()}
    for name, tensor in state.items():
        if tensor.dim() == 2 and not name.startswith("embedding"):
            state[name] = tensor.T.contiguous()
    for suffix in ("", "_reverse"):
        state[f"lstm.bias_hh_l0{suffix}"] = torch.zeros_like(state[f"lstm.bias_ih_l0{suffix}"])
    return state


def load_toxicity(cache_dir: Path) -> Toxicity:
    """Load the trained model in float32, in evaluation mode.

    Raises:
        models.weights.WeightsMissing, models.weights.WeightsCorrupt: See there.
    """
    state = _read_state(weight_path(TOXIC_WEIGHTS, cache_dir))
    model = Toxicity(num_known_words=len(state["embedding.weight"]))
    model.load_state_dict(state)
    return model.eval().requires_grad_(False)


def read_toxicity_vocabulary(cache_dir: Path) -> tuple[dict[str, int], str]:
    """Return the content of `ToxicityTokens`; reading it takes long, because the file contains ten times as much.

    Raises:
        ForbiddenGlobal: The file has unexpected content.
        models.weights.WeightsMissing, models.weights.WeightsCorrupt: See there.
    """
    stored = load_pickle(weight_path(TOXIC_TOKENIZER, cache_dir), _STUBS)
    known = {word: number for word, number in stored.word_index.items() if number < stored.num_words}
    return known, stored.filters


def load_toxicity_tokens(cache_dir: Path) -> ToxicityTokens:
    """Load the model's tokenizer; raises as `read_toxicity_vocabulary` does."""
    return ToxicityTokens(*read_toxicity_vocabulary(cache_dir))

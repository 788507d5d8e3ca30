"""Sentence embedding: all-MiniLM-L6-v2, 384 numbers; near vectors have similar meaning. English.

Sources: N. Reimers, I. Gurevych, "Sentence-BERT" (2019); W. Wang et al., "MiniLM" (2020); J. Devlin et al., "BERT"
(2019).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from models.bounded_text import bounded_text
from models.weight_files import MINILM_TOKENIZER, MINILM_WEIGHTS
from models.weights import weight_path

LENGTHS = (32, 64, 128)
"""Of items, in word pieces."""
NUM_TOKENS = LENGTHS[-1]
"""Word pieces of the longest item, including its two marks; later text is not read."""
MAX_CHARACTERS = 4_000
"""The rest is not read; more than 128 pieces of any ordinary text."""
EMBEDDING_SIZE = 384

_NUM_LAYERS = 6
_NUM_HEADS = 12
_PADDING = 0
_NORM_EPSILON = 1e-12


class SentenceTokens:
    """Text to word pieces."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Use a tokenizer; `[SEP]` and similar words in a text become ordinary text, never marks."""
        tokenizer.enable_truncation(NUM_TOKENS)
        tokenizer.no_padding()
        tokenizer.encode_special_tokens = True
        self._tokenizer = tokenizer

    def encode(self, text: str) -> np.ndarray:
        """Return (L,) int64 token numbers with zeros after the end; L is the least of `LENGTHS` that holds them."""
        numbers = self._tokenizer.encode(bounded_text(text, MAX_CHARACTERS)).ids
        item = np.full(next(length for length in LENGTHS if length >= len(numbers)), _PADDING, dtype=np.int64)
        item[: len(numbers)] = numbers
        return item


def _heads(tokens: Tensor) -> Tensor:
    """(N, T, 384) to (N, 12, T, 32)."""
    num_pieces = tokens.shape[1]
    return tokens.view(-1, num_pieces, _NUM_HEADS, EMBEDDING_SIZE // _NUM_HEADS).transpose(1, 2)


class _Attention(nn.Module):
    """Multi-head self-attention with its residual."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(EMBEDDING_SIZE, EMBEDDING_SIZE)
        self.key = nn.Linear(EMBEDDING_SIZE, EMBEDDING_SIZE)
        self.value = nn.Linear(EMBEDDING_SIZE, EMBEDDING_SIZE)
        self.output = nn.Linear(EMBEDDING_SIZE, EMBEDDING_SIZE)
        self.norm = nn.LayerNorm(EMBEDDING_SIZE, eps=_NORM_EPSILON)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        query, key, value = (_heads(project(tokens)) for project in (self.query, self.key, self.value))
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        mixed: Tensor = self.norm(self.output(attended.transpose(1, 2).flatten(2)) + tokens)
        return mixed


class _Layer(nn.Module):
    """One encoder layer of BERT: attention, then a position-wise network, each normalised after its residual."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = _Attention()
        self.widen = nn.Linear(EMBEDDING_SIZE, 4 * EMBEDDING_SIZE)
        self.narrow = nn.Linear(4 * EMBEDDING_SIZE, EMBEDDING_SIZE)
        self.norm = nn.LayerNorm(EMBEDDING_SIZE, eps=_NORM_EPSILON)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        attended = self.attention(tokens, mask)
        mixed: Tensor = self.norm(self.narrow(functional.gelu(self.widen(attended))) + attended)
        return mixed


class SentenceEmbedding(nn.Module):
    """Token numbers (N, L) int64, L at most 128, to embeddings (N, 384) float32 of unit length.

    Zeros are padding and are ignored, so that L does not change an embedding. An item of zeros only, as in a padded
    batch, gives a zero vector.
    """

    def __init__(self, num_pieces: int, num_positions: int) -> None:
        """Build the network untrained, for token numbers in [0, num_pieces)."""
        super().__init__()
        self.pieces = nn.Embedding(num_pieces, EMBEDDING_SIZE)
        self.positions = nn.Parameter(torch.zeros(num_positions, EMBEDDING_SIZE))
        self.norm = nn.LayerNorm(EMBEDDING_SIZE, eps=_NORM_EPSILON)
        self.layers = nn.ModuleList(_Layer() for _ in range(_NUM_LAYERS))

    def forward(self, pieces: Tensor) -> tuple[Tensor]:
        """See the class."""
        present = pieces.ne(_PADDING)
        tokens = self.norm(self.pieces(pieces) + self.positions[: pieces.shape[1]])
        mask = _attention_mask(present, tokens.dtype)
        for layer in self.layers:
            tokens = layer(tokens, mask)
        return (_mean_direction(tokens.float(), present.unsqueeze(2).float()),)


def _attention_mask(present: Tensor, dtype: torch.dtype) -> Tensor:
    """Return (N, 1, 1, T), which is added to the attention; finite, so that an item of padding does not become NaN."""
    return (~present)[:, None, None, :].to(dtype) * torch.finfo(dtype).min


def _mean_direction(tokens: Tensor, present: Tensor) -> Tensor:
    """Return the mean of the present tokens, (N, T, 384) with (N, T, 1), scaled to length one."""
    mean = (tokens * present).sum(1) / present.sum(1).clamp(min=1.0)
    return functional.normalize(mean, dim=1)


_RENAMED = (
    ("encoder.layer.", "layers."),
    ("attention.self.", "attention."),
    ("attention.output.dense.", "attention.output."),
    ("attention.output.LayerNorm.", "attention.norm."),
    ("intermediate.dense.", "widen."),
    (".output.dense.", ".narrow."),
    (".output.LayerNorm.", ".norm."),
    ("embeddings.LayerNorm.", "norm."),
    ("embeddings.word_embeddings.", "pieces."),
)
"""Stored names and ours, applied in this order."""
_UNUSED = ("embeddings.position_embeddings.", "embeddings.position_ids", "embeddings.token_type_", "pooler.")


def _our_name(stored: str) -> str:
    for theirs, ours in _RENAMED:
        stored = stored.replace(theirs, ours)
    return stored


def _our_state(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the parameters under our names; there is only one token type, so its vector is added to the positions."""
    positions = stored["embeddings.position_embeddings.weight"]
    token_type = stored["embeddings.token_type_embeddings.weight"][0]
    state = {_our_name(name): tensor for name, tensor in stored.items() if not name.startswith(_UNUSED)}
    return {**state, "positions": positions + token_type}


def load_sentence_embedding(cache_dir: Path) -> SentenceEmbedding:
    """Load the trained model in float32, in evaluation mode.

    Raises:
        models.weights.WeightsMissing, models.weights.WeightsCorrupt: See there.
    """
    from safetensors.torch import load_file

    state = _our_state(load_file(weight_path(MINILM_WEIGHTS, cache_dir)))
    model = SentenceEmbedding(len(state["pieces.weight"]), len(state["positions"]))
    model.load_state_dict(state)
    return model.eval().requires_grad_(False)


def load_sentence_tokens(cache_dir: Path) -> SentenceTokens:
    """Load the model's tokenizer.

    Raises:
        models.weights.WeightsMissing, models.weights.WeightsCorrupt: See there.
    """
    return SentenceTokens(Tokenizer.from_file(str(weight_path(MINILM_TOKENIZER, cache_dir))))

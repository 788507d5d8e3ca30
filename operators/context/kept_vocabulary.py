"""Cache of the toxicity model's vocabulary: its pickle contains ten times as much and takes long to read."""

from __future__ import annotations

from pathlib import Path

import msgspec

from models.toxicity import ToxicityTokens, read_toxicity_vocabulary
from models.weight_files import TOXIC_TOKENIZER
from models.weights import weight_path
from operators.inference.graph_cache import code_digest
from operators.inference.private_cache import PrivateCache


def kept_toxicity_tokens(cache_dir: Path, kept: PrivateCache) -> ToxicityTokens:
    """Return the tokenizer, from the cache if possible.

    Args:
        cache_dir: of the weights.
        kept: cache of the vocabulary, by file and code.

    Raises:
        models.weights.WeightsMissing, models.weights.WeightsCorrupt: the file is checked each time.
    """
    weight_path(TOXIC_TOKENIZER, cache_dir)
    name = f"vocabulary-{TOXIC_TOKENIZER.sha256[:32]}-{code_digest()[:32]}"
    vocabulary = _decoded(kept.read(name))
    if vocabulary is None:
        vocabulary = read_toxicity_vocabulary(cache_dir)
        kept.write(name, msgspec.msgpack.encode(vocabulary))
    return ToxicityTokens(*vocabulary)


def _decoded(content: bytes | None) -> tuple[dict[str, int], str] | None:
    if content is None:
        return None
    try:
        return msgspec.msgpack.decode(content, type=tuple[dict[str, int], str])
    except msgspec.MsgspecError:
        return None

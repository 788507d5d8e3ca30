"""Embeds the prototypes with the engine's own sentence model; the cache answers later starts."""

from __future__ import annotations

import hashlib
import math

import numpy as np

from models.card_registry import card_of_use
from models.sentence_embedding import EMBEDDING_SIZE, SentenceTokens
from operators.context.prototype_scorer import PrototypeScorer
from operators.context.prototypes import PROTOTYPES, Prototypes
from operators.inference.inference import Inference
from operators.inference.private_cache import PrivateCache
from operators.inference.request_context import RequestContext

_CONTEXT = RequestContext(PROTOTYPES, "live", math.inf)


async def open_prototypes(
    prototypes: Prototypes, inference: Inference, tokens: SentenceTokens, kept: PrivateCache
) -> PrototypeScorer:
    """Return the scorer of a file of prototypes.

    Args:
        prototypes: the content of the file.
        inference: open, with the sentence model.
        tokens: of that model.
        kept: cache of the vectors, by text, model and mode; a second or two of a core without it.

    Raises:
        DeviceFault, ModelFault, Overloaded: see `Batcher.submit_many`.
    """
    texts = [example.text for example in prototypes.examples()]
    card = card_of_use("text-meaning")
    batcher = inference.batcher(card.name)
    digest = hashlib.sha256("\x1f".join((card.fingerprint, batcher.mode, *texts)).encode()).hexdigest()
    name = f"prototypes-{digest[:32]}"
    vectors = _decoded(kept.read(name), len(texts))
    if vectors is None:
        outputs = await batcher.submit_many([tokens.encode(text) for text in texts], _CONTEXT)
        vectors = np.stack([output.values[0] for output in outputs]).astype(np.float32)
        kept.write(name, vectors.tobytes())
    return PrototypeScorer(prototypes, vectors)


def _decoded(content: bytes | None, num_texts: int) -> np.ndarray | None:
    if content is None or len(content) != num_texts * EMBEDDING_SIZE * np.dtype(np.float32).itemsize:
        return None
    return np.frombuffer(content, dtype=np.float32).reshape(num_texts, EMBEDDING_SIZE)

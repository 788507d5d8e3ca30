"""Embeds the prototypes with the engine's own sentence model; the cache answers later starts."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Awaitable, Callable

import numpy as np

from models.card_registry import card_of_use
from models.sentence_embedding import EMBEDDING_SIZE, SentenceTokens
from operators.context.prototype_scorer import PrototypeScorer, PrototypeScores
from operators.context.prototypes import PROTOTYPES, Prototypes
from operators.errors import ServerUnavailable
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
        kept: cache of the vectors, by text, model, mode and what serves it; a second or two of a core without it.

    Raises:
        DeviceFault, ModelFault, ServerUnavailable, Overloaded: see `Batcher.submit_many`.
    """
    texts = [example.text for example in prototypes.examples()]
    card = card_of_use("text-meaning")
    batcher = inference.batcher(card.name)
    digest = hashlib.sha256("\x1f".join((card.fingerprint, batcher.mode, batcher.served_as, *texts)).encode())
    name = f"prototypes-{digest.hexdigest()[:32]}"
    vectors = _decoded(kept.read(name), len(texts))
    if vectors is None:
        outputs = await batcher.submit_many([tokens.encode(text) for text in texts], _CONTEXT)
        vectors = np.stack([output.values[0] for output in outputs]).astype(np.float32)
        kept.write(name, vectors.tobytes())
    return PrototypeScorer(prototypes, vectors)


class AwaitedPrototypes:
    """A scorer of prototypes whose sentence model may be on a server that does not answer yet; see `ComparesTexts`.

    Args:
        prototypes: the content of the file.
        open_scorer: as `open_prototypes`; called until it succeeds.
    """

    def __init__(self, prototypes: Prototypes, open_scorer: Callable[[], Awaitable[PrototypeScorer]]) -> None:
        self.prototypes = prototypes
        self._open_scorer = open_scorer
        self._scorer: PrototypeScorer | None = None
        self._unavailable = ServerUnavailable(PROTOTYPES, "were not embedded yet")
        self._opening = asyncio.Lock()

    async def open(self) -> None:
        """Embed the examples, unless that was done before.

        Raises:
            Exception: as `open_prototypes`.
        """
        async with self._opening:
            if self._scorer is None:
                try:
                    self._scorer = await self._open_scorer()
                except ServerUnavailable as unavailable:
                    self._unavailable = unavailable
                    raise

    def __call__(self, vectors: np.ndarray) -> PrototypeScores:
        """See `ComparesTexts`.

        Raises:
            ServerUnavailable: the examples could not be embedded yet.
        """
        if self._scorer is None:
            raise ServerUnavailable(self._unavailable.origin, self._unavailable.message)
        return self._scorer(vectors)


def _decoded(content: bytes | None, num_texts: int) -> np.ndarray | None:
    if content is None or len(content) != num_texts * EMBEDDING_SIZE * np.dtype(np.float32).itemsize:
        return None
    return np.frombuffer(content, dtype=np.float32).reshape(num_texts, EMBEDDING_SIZE)

"""What the product says of texts, by its models and the default prototypes, without media, workers and batches."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from models.card_registry import CARDS
from models.sentence_embedding import EMBEDDING_SIZE, SentenceEmbedding, load_sentence_embedding
from models.toxicity import Toxicity, load_toxicity
from operators.context.prototype_evidence import ComparedScores, no_vote
from operators.context.prototype_scorer import PrototypeScorer
from operators.context.text_analysis import TextAnalysis, read_text
from operators.context.text_models import TextModels, load_text_models
from operators.context.toxicity import profanity_evidence, toxicity_evidence
from operators.inference.private_cache import PrivateCache
from schemas.evidence import LabelEvidence
from schemas.uploads import VideoUploaded
from streams.analysis.prototypes_file import load_prototypes

_CACHE_BYTES = 64 * 1024**2


@dataclass(frozen=True, slots=True)
class TextEvaluator:
    """All models of text, in float32 on one thread."""

    models: TextModels
    network: Toxicity
    embedding: SentenceEmbedding
    scorer: PrototypeScorer
    _known: dict[bytes, np.ndarray] = field(default_factory=dict)
    """Embeddings by item: sets repeat texts."""

    def evidence(self, upload: VideoUploaded) -> tuple[LabelEvidence, ...]:
        """Return what the context agent says of an upload's labels."""
        reading = read_text(upload, self.models)
        if not reading.scored:
            return ()
        compared = self._compared(reading)
        with torch.inference_mode():
            scores = self.network(torch.from_numpy(np.stack([item.item for item in reading.abuse_items])))[0].numpy()
        vote = compared.vote if compared else no_vote
        return (
            *toxicity_evidence(CARDS["toxicity"], scores, reading.abuse_items, self.models.lexicon, vote),
            *profanity_evidence(CARDS["profanity"], reading.scored, self.models.lexicon, vote),
            *(compared.evidence() if compared else ()),
        )

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """Return the (N, 384) float32 embeddings of some texts."""
        return embedded(self.embedding, [self.models.sentence_tokens.encode(text) for text in texts])

    def _compared(self, reading: TextAnalysis) -> ComparedScores | None:
        if not reading.compared_texts:
            return None
        items = {text.item.tobytes(): text.item for text in reading.compared_texts}
        new = {key: item for key, item in items.items() if key not in self._known}
        self._known.update(zip(new, embedded(self.embedding, list(new.values())), strict=True))
        vectors = np.stack([self._known[text.item.tobytes()] for text in reading.compared_texts])
        return ComparedScores(self.scorer, reading.compared_texts, vectors)


def load_text_evaluator(cache_dir: Path) -> TextEvaluator:
    """Load the models from the weight cache; the vectors of the prototypes are computed once and kept there.

    Raises:
        models.weights.WeightsMissing, models.weights.WeightsCorrupt: see there.
    """
    models, embedding, prototypes = (
        load_text_models(cache_dir),
        load_sentence_embedding(cache_dir),
        load_prototypes(None),
    )
    texts = [example.text for example in prototypes.examples()]
    kept = PrivateCache(cache_dir / "evaluated", _CACHE_BYTES)
    digest = hashlib.sha256("\x1f".join((CARDS["all-minilm-l6-v2"].fingerprint, *texts)).encode()).hexdigest()
    content = kept.read(f"prototypes-{digest[:32]}")
    if content is None:
        content = embedded(embedding, [models.sentence_tokens.encode(text) for text in texts]).tobytes()
        kept.write(f"prototypes-{digest[:32]}", content)
    vectors = np.frombuffer(content, np.float32).reshape(len(texts), EMBEDDING_SIZE)
    return TextEvaluator(models, load_toxicity(cache_dir), embedding, PrototypeScorer(prototypes, vectors))


def embedded(embedding: SentenceEmbedding, items: Sequence[np.ndarray]) -> np.ndarray:
    """Return (N, 384) float32 embeddings; items of one length in a batch, without padding."""
    lengths = [max(int(np.flatnonzero(item).max(initial=0)) + 1, 1) for item in items]
    vectors = np.zeros((len(items), EMBEDDING_SIZE), np.float32)
    for length in sorted(set(lengths)):
        places = [place for place, found in enumerate(lengths) if found == length]
        with torch.inference_mode():
            batch = torch.from_numpy(np.stack([items[place][:length] for place in places]))
            vectors[places] = embedding(batch)[0].numpy()
    return vectors

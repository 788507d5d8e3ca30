"""The sets of texts: fixed before what they measure was written, and no paraphrases of it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from ops.assets import default_cache_dir, fetch_weights
from ops.evaluate.language_titles import DATA_FILE, titles
from ops.evaluate.sets.texts import DATA, FILES, labelled_texts
from ops.evaluate.text_evaluator import TextEvaluator, load_text_evaluator

FIXED = {
    "held_out_texts.tsv": "3991e6d4e2169ed98111b13d0716ad7eb2c1e26744f2049e7b068da5a1d17db3",
    "held_out_identity_texts.tsv": "0defa57f5c62fe850c1b5c1cde8acb7e28524101bda32313fad6551625416d49",
    "language_titles.tsv": "0f5edc16ffa7fcc2cd16b5134a2a117483d76abad2d51361753486e456ac8558",
}
"""SHA-256 of the files as they were committed before the first prototype."""
MAX_COSINE = 0.8
"""Of the embeddings of a held-out text and of a prototype: paraphrases have more."""


@pytest.fixture(scope="module")
def evaluator() -> Iterator[TextEvaluator]:
    """The models with their published weights, on one thread."""
    fetch_weights(default_cache_dir())
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield load_text_evaluator(default_cache_dir())
    torch.set_num_threads(threads)


class TestHeldOut:
    def test_fixed(self) -> None:
        """The files are those that were written first, whatever is edited later."""
        found = {name: hashlib.sha256((DATA / name).read_bytes()).hexdigest() for name in FIXED}
        assert found == FIXED
        assert set(FILES) < set(FIXED)
        assert DATA_FILE.name in FIXED

    def test_content(self) -> None:
        """There are at least 300 texts, each once, and every label and every kind of harmless text is among them."""
        texts = labelled_texts()
        kinds = Counter(text.kind for text in texts)

        assert len({text.text for text in texts}) == len(texts) >= 300
        assert {label for text in texts for label in text.labels} == {
            "toxic",
            "obscene",
            "insult",
            "identity",
            "threat",
        }
        assert min(kinds[kind] for kind in ("clean", "strong", "innocent", "pairs", "threat", "insult")) >= 30
        groups = Counter(text.group for text in texts if text.group)
        assert min(groups.values()) >= 4

    def test_no_paraphrases(self, evaluator: TextEvaluator) -> None:
        """No prototype is nearly a held-out text: what is measured is not what was written down."""
        texts = [text.text for text in labelled_texts()]
        examples = [example.text for example in evaluator.scorer.prototypes.examples()]
        cosines = evaluator.vectors(texts) @ evaluator.vectors(examples).T
        near = np.argwhere(cosines > MAX_COSINE)
        assert [(texts[one], examples[other]) for one, other in near] == []


class TestLanguages:
    def test_titles(self) -> None:
        """Thirty languages and more; capitals differ from the sentence, and hashtags are added."""
        found = list(titles())
        assert len({language for _, language, _ in found}) >= 30
        assert {"sentence", "capitals", "hashtags", "emoji", "short", "short, own script"} == {
            kind for kind, _, _ in found
        }

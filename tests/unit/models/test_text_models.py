"""The models that read, against facts recorded from their reference implementations, and against hostile text."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from models.bounded_text import bounded_text
from models.card_registry import CARDS, cards_of_modality
from models.language_id import LanguageId, load_language_id
from models.profanity import Profanity, load_profanity
from models.restricted_joblib import load_joblib
from models.restricted_pickle import AttributeBag, ForbiddenGlobal, load_pickle
from models.sentence_embedding import (
    LENGTHS,
    NUM_TOKENS,
    SentenceEmbedding,
    SentenceTokens,
    load_sentence_embedding,
    load_sentence_tokens,
)
from models.toxicity import LABELS as TOXICITY_LABELS
from models.toxicity import Toxicity, ToxicityTokens, load_toxicity, load_toxicity_tokens
from models.weight_files import WEIGHT_FILES
from schemas.labels import LABELS

TEXT_CARDS = cards_of_modality("context", CARDS)
BATCHED = {card.name: card for card in TEXT_CARDS if card.batch_sizes}

UNKNOWN_TOXICITY = (0.067534, 0.002373, 0.029382, 0.001006, 0.015355, 0.004006)
TOXICITY = {
    "you are an idiot": (0.994669, 0.193858, 0.913098, 0.013785, 0.929553, 0.06877),
    "have a nice day": (0.04161, 0.000328, 0.012255, 0.000231, 0.013021, 0.001658),
    "i will kill you": (0.771125, 0.083053, 0.214237, 0.180122, 0.384071, 0.142296),
    "SHIT happens, SHIT!": (0.995053, 0.321919, 0.973642, 0.016862, 0.823439, 0.058716),
    "": UNKNOWN_TOXICITY,
    "😀🔥": UNKNOWN_TOXICITY,
}
"""What Keras 3.15 says with the packaged weights, in the order of the labels."""

UNKNOWN_PROFANITY = 0.036375752016469504
PROFANITY = {
    "you are an idiot": 0.9999987305385645,
    "have a nice day": 0.05844726394294451,
    "what a great goal by the keeper": 0.03292773176241121,
    "i will kill you": 0.946731563098411,
    "SHIT happens, SHIT!": 0.9999977055362056,
    "": UNKNOWN_PROFANITY,
    "😀🔥": UNKNOWN_PROFANITY,
    "مرحبا بالعالم": UNKNOWN_PROFANITY,
}
"""What `predict_prob` of alt-profanity-check 1.9.1 says."""

SENTENCES = {
    "A cat sits on the mat": (0.12872466, -0.03267296, -0.02291568, 0.04023051),
    "Ein Kätzchen 😀 auf der Matte": (0.00660029, 0.05588681, 0.07527463, -0.03515140),
    "A kitten rests on a rug": (0.07637253, 0.01500094, 0.02044262, 0.06090041),
    "Stock prices fell sharply today": (0.01567421, -0.00590538, 0.09551555, 0.02734267),
}
"""First four numbers that transformers 5.17 gives with mean pooling, at length one."""

HOSTILE = {
    "empty": "",
    "blank": " \n\t\r",
    "emoji": "😀👨‍👩‍👧‍👦🔥",
    "right to left": "\u202eשלום עולם مرحبا",
    "nul": "a\0b\0",
    "lone surrogate": "broken \ud800 text",
    "marks": "[CLS] [PAD] [SEP] [UNK]",
    "megabytes": "you idiot \0 😀 " * 150_000,
    "one long word": "x" * 2_000_000,
}


@pytest.fixture(scope="module")
def toxicity(cache_dir: Path) -> Toxicity:
    """The toxicity model with its published weights."""
    return load_toxicity(cache_dir)


@pytest.fixture(scope="module")
def toxicity_tokens(cache_dir: Path) -> ToxicityTokens:
    """Its tokenizer."""
    return load_toxicity_tokens(cache_dir)


@pytest.fixture(scope="module")
def profanity(cache_dir: Path) -> Profanity:
    """The profanity model with its published weights."""
    return load_profanity(cache_dir)


@pytest.fixture(scope="module")
def language_id(cache_dir: Path) -> LanguageId:
    """The language identifier with its published weights."""
    return load_language_id(cache_dir)


@pytest.fixture(scope="module")
def sentence_embedding(cache_dir: Path) -> SentenceEmbedding:
    """The sentence encoder with its published weights."""
    return load_sentence_embedding(cache_dir)


@pytest.fixture(scope="module")
def sentence_tokens(cache_dir: Path) -> SentenceTokens:
    """Its tokenizer."""
    return load_sentence_tokens(cache_dir)


def items(tokens: ToxicityTokens | SentenceTokens, texts: list[str]) -> Tensor:
    """A batch of texts."""
    encoded = [tokens.encode(text) for text in texts]
    longest = max(map(len, encoded))
    return torch.from_numpy(np.stack([np.pad(item, (0, longest - len(item))) for item in encoded]))


class TestTextCards:
    """What the cards promise."""

    def test_labels(self) -> None:
        """Every mapped label is in the taxonomy, and toxicity maps all that it says."""
        toxicity = next(card for card in TEXT_CARDS if card.name == "toxicity")

        assert {source.label for card in TEXT_CARDS for source in card.labels} <= set(LABELS)
        assert tuple(source.output_label for source in toxicity.labels) == TOXICITY_LABELS

    def test_files(self) -> None:
        """Every file of a card is one that is fetched."""
        assert {file for card in TEXT_CARDS for file in card.files} <= set(WEIGHT_FILES)

    @pytest.mark.parametrize("name", BATCHED)
    def test_trace(self, name: str, request: pytest.FixtureRequest) -> None:
        """Traced at the largest batch size, a model answers alike at every size, in as many outputs as named."""
        fixtures = {"toxicity": "toxicity", "all-minilm-l6-v2": "sentence_embedding"}
        model, card = request.getfixturevalue(fixtures[name]), BATCHED[name]
        seeded = torch.Generator().manual_seed(0)
        batch = torch.randint(0, 1000, (card.batch_sizes[-1], *card.input_shape), generator=seeded)
        with torch.no_grad():
            traced = torch.jit.freeze(torch.jit.trace(model, batch, check_trace=False))
            for size in card.batch_sizes:
                actual = traced(batch[:size])
                assert len(card.outputs) == len(actual)
                torch.testing.assert_close(actual, model(batch[:size]), atol=1e-5, rtol=0)


class TestBoundedText:
    """What every text passes first."""

    def test_cut(self) -> None:
        """A text is cut to its first characters."""
        assert bounded_text("abcdef", 3) == "abc"

    def test_unencodable(self) -> None:
        """Lone surrogates become question marks, NULs blanks."""
        assert bounded_text("a\ud800b\0c", 10) == "a?b c"


class _Exploit:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("exit 1",)


class TestRestrictedPickle:
    """Pickles that want more than they may."""

    def test_code(self, tmp_path: Path) -> None:
        """A pickle that calls a function is refused by the function's name, and nothing runs."""
        (tmp_path / "exploit").write_bytes(pickle.dumps(_Exploit()))

        with pytest.raises(ForbiddenGlobal, match=r"system; allowed are builtins\.int"):
            load_pickle(tmp_path / "exploit", {("builtins", "int"): int})

    def test_code_in_joblib(self, tmp_path: Path) -> None:
        """The reader of joblib files refuses it too."""
        (tmp_path / "exploit").write_bytes(pickle.dumps(_Exploit()))

        with pytest.raises(ForbiddenGlobal, match="system"):
            load_joblib(tmp_path / "exploit", {})

    def test_object_arrays(self, tmp_path: Path) -> None:
        """An array of Python objects, which would be a pickle inside the pickle, is refused."""
        (tmp_path / "objects").write_bytes(pickle.dumps(np.dtype("O")))

        with pytest.raises(pickle.UnpicklingError, match="dtype 'O8'"):
            load_joblib(tmp_path / "objects", {})

    def test_attribute_bag(self) -> None:
        """An object of a listed class comes back with its attributes, and says which it has."""
        bag = AttributeBag()
        bag.__setstate__({"known": 1})

        assert bag.known == 1
        with pytest.raises(AttributeError, match=r"'unknown', only \['known'\]"):
            _ = bag.unknown

    def test_plain_values(self, tmp_path: Path) -> None:
        """What needs no class needs no listing."""
        stream = io.BytesIO()
        pickle.dump({"a": [1, 2.0, None]}, stream)
        (tmp_path / "plain").write_bytes(stream.getvalue())

        assert load_pickle(tmp_path / "plain", {}) == {"a": [1, 2.0, None]}


class TestToxicity:
    """Six labels of English text."""

    def test_equals_keras(self, toxicity: Toxicity, toxicity_tokens: ToxicityTokens) -> None:
        """Scores are those that Keras gives with the same weights."""
        (scores,) = toxicity(items(toxicity_tokens, list(TOXICITY)))

        np.testing.assert_allclose(scores.numpy(), list(TOXICITY.values()), atol=1e-5)

    def test_blanks(self, toxicity_tokens: ToxicityTokens) -> None:
        """Case, punctuation, line ends and NULs neither join nor hide words."""
        expected = toxicity_tokens.encode("you are an idiot")

        assert expected.tolist() == toxicity_tokens.encode("YOU\0are,\nan (idiot)!!!").tolist()

    def test_long_text(self, toxicity_tokens: ToxicityTokens) -> None:
        """One item has the last words of a long text, the items together have all, in order."""
        text = "idiot " + "nice day " * 100

        whole = toxicity_tokens.encode_all(text)

        assert len(whole) == 3
        assert toxicity_tokens.encode("idiot")[-1] == whole[0][0]
        assert toxicity_tokens.encode("idiot")[-1] not in toxicity_tokens.encode(text)
        assert sum(int(np.count_nonzero(item)) for item in whole) == 201

    @pytest.mark.parametrize("kind", HOSTILE)
    def test_hostile_text(self, kind: str, toxicity: Toxicity, toxicity_tokens: ToxicityTokens) -> None:
        """Any text gives items and scores in [0, 1]."""
        (scores,) = toxicity(torch.from_numpy(np.stack(toxicity_tokens.encode_all(HOSTILE[kind])[:8])))

        assert ((scores >= 0.0) & (scores <= 1.0)).all()


class TestProfanity:
    """The second vote on English text."""

    def test_equals_the_original(self, profanity: Profanity) -> None:
        """Probabilities are those of the package."""
        for text, expected in PROFANITY.items():
            assert expected == pytest.approx(profanity.score(text), abs=1e-9)

    def test_long_text(self, profanity: Profanity) -> None:
        """What is beyond the limit changes nothing."""
        harmless = "have a nice day " * 2_000

        assert profanity.score(harmless) == profanity.score(harmless + "idiot")

    @pytest.mark.parametrize("kind", HOSTILE)
    def test_hostile_text(self, kind: str, profanity: Profanity) -> None:
        """Any text gives a probability."""
        assert 0.0 <= profanity.score(HOSTILE[kind]) <= 1.0


class TestLanguageId:
    """Languages of short texts."""

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("what a great goal by the keeper\ntonight", "en"),
            ("Das ist ein schönes Video über Katzen", "de"),
            ("مرحبا بالعالم هذا فيديو جميل", "ar"),
            ("שלום עולם", "he"),
            ("中文视频 很好看", "zh"),
        ],
    )
    def test_languages(self, text: str, code: str, language_id: LanguageId) -> None:
        """A plain text of a language is known as such, line ends or not."""
        language = language_id(text)

        assert language is not None
        assert code == language.code
        assert 0.5 < language.probability_ratio <= 1.0

    @pytest.mark.parametrize("text", ["", " \n", "😀🔥", "123 !?", "\0"])
    def test_no_letters(self, text: str, language_id: LanguageId) -> None:
        """What has no letter has no language."""
        assert language_id(text) is None

    @pytest.mark.parametrize("kind", HOSTILE)
    def test_hostile_text(self, kind: str, language_id: LanguageId) -> None:
        """Any text gives a language with a probability, or none."""
        language = language_id(HOSTILE[kind])

        assert language is None or 0.0 <= language.probability_ratio <= 1.0

    def test_codes_of_wikipedia(self) -> None:
        """A code that means another language in ISO 639 is replaced, and probabilities are kept within [0, 1]."""

        class Alemannic:
            def predict(self, text: str, k: int = 1) -> tuple[tuple[str, ...], tuple[float, ...]]:
                return ("__label__als",), (1.00005,)

        assert LanguageId(Alemannic())("grüezi") == ("gsw", 1.0)


class TestSentenceEmbedding:
    """Nearness of meaning."""

    def test_equals_transformers(self, sentence_embedding: SentenceEmbedding, sentence_tokens: SentenceTokens) -> None:
        """Embeddings are those of the reference implementation."""
        (embedding,) = sentence_embedding(items(sentence_tokens, list(SENTENCES)))

        np.testing.assert_allclose(embedding[:, :4].numpy(), list(SENTENCES.values()), atol=1e-4)

    def test_meaning(self, sentence_embedding: SentenceEmbedding, sentence_tokens: SentenceTokens) -> None:
        """A cat on a mat is nearer to a kitten on a rug than to stock prices."""
        (embedding,) = sentence_embedding(items(sentence_tokens, list(SENTENCES)))
        cat, _, kitten, stocks = embedding

        assert cat @ kitten > 0.6
        assert cat @ stocks < 0.1

    def test_padding(self, sentence_embedding: SentenceEmbedding, sentence_tokens: SentenceTokens) -> None:
        """An item of zeros, such as fills up a batch, is a zero vector and leaves its neighbour alone."""
        batch = items(sentence_tokens, ["A cat sits on the mat"])

        (alone,) = sentence_embedding(batch)
        (beside,) = sentence_embedding(torch.cat([batch, torch.zeros_like(batch)]))

        torch.testing.assert_close(beside[0], alone[0], atol=1e-6, rtol=0)
        assert beside[1].abs().max() == 0.0

    def test_length_changes_nothing(
        self, sentence_embedding: SentenceEmbedding, sentence_tokens: SentenceTokens
    ) -> None:
        """A text is as long as it needs to be, and has the embedding that it has at full length."""
        lengths = set()
        for num_words in (1, 10, 40, 300):
            item = sentence_tokens.encode("sunset over the harbour " * num_words)[None]
            lengths.add(item.shape[1])
            padded = np.pad(item, ((0, 0), (0, NUM_TOKENS - item.shape[1])))
            short, full = (sentence_embedding(torch.from_numpy(each))[0] for each in (item, padded))
            torch.testing.assert_close(short, full, atol=1e-5, rtol=0)
        assert lengths == set(LENGTHS) == set(CARDS["all-minilm-l6-v2"].lengths)

    def test_marks_are_text(self, sentence_tokens: SentenceTokens) -> None:
        """A text cannot end itself or punch holes: marks stand at its two ends only."""
        ids = sentence_tokens.encode("a [SEP] b [PAD] c [CLS]")
        length = int(np.count_nonzero(ids))

        assert not ids[length:].any()
        assert {0: 101, length - 1: 102} == {
            place: int(ids[place]) for place in range(length) if ids[place] in (101, 102)
        }

    @pytest.mark.parametrize("kind", HOSTILE)
    def test_hostile_text(
        self, kind: str, sentence_embedding: SentenceEmbedding, sentence_tokens: SentenceTokens
    ) -> None:
        """Any text gives an embedding of length one."""
        (embedding,) = sentence_embedding(items(sentence_tokens, [HOSTILE[kind]]))

        assert pytest.approx(float(embedding.norm()), abs=1e-5) == 1.0

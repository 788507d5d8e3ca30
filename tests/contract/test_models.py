"""What every model of the registry promises, checked on every one."""

from __future__ import annotations

import pickle
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from models.card import Card
from models.card_registry import CARDS, cards_by_name
from models.imagenet_labels import load_imagenet_labels
from models.language_id import load_language_id
from models.loaders import MODULE_LOADERS, load_module
from models.model_files import WeightFile
from models.profanity import load_profanity
from models.sentence_embedding import load_sentence_tokens
from models.text_reading import load_text_readers
from models.toxicity import load_toxicity_tokens
from models.weight_files import WEIGHT_FILES
from models.weights import file_sha256, weight_path
from models.whisper import WHISPER_FILES, load_whisper
from models.yamnet import load_yamnet_classes
from ops.assets import default_cache_dir, fetch_weights
from schemas.labels import LABELS

TOLERANCE = 1e-4
SMALLEST_VOCABULARY = 1_000
"""Token numbers below this are known to every model that takes any."""
HARMLESS_GLOBALS = re.compile(r"numpy(\._?core)?\.(multiarray\._reconstruct|ndarray|dtype|multiarray\.scalar)")
"""What a weight file may ask an unpickler for; all else must have been replaced by a stub."""

BATCHED = [card for card in CARDS.values() if card.batch_sizes]
UNBATCHED = [card for card in CARDS.values() if not card.batch_sizes]

CALLABLE_LOADERS: dict[str, Callable[[Path], Any]] = {
    "profanity": load_profanity,
    "language-id": load_language_id,
    **{name: partial(load_whisper, name) for name in WHISPER_FILES},
    "text-detection": load_text_readers,
    "text-recognition": load_text_readers,
}
"""Of models that run on the host and answer at once, by the name on their card."""
LOADERS: list[Callable[[Path], Any]] = [
    *MODULE_LOADERS.values(),
    *CALLABLE_LOADERS.values(),
    load_imagenet_labels,
    load_sentence_tokens,
    load_toxicity_tokens,
    load_yamnet_classes,
]
"""Whatever reads a weight file."""

_unpickled: list[str] = []


def _remember_globals(event: str, arguments: tuple[object, ...]) -> None:
    if event == "pickle.find_class":
        _unpickled.append(".".join(map(str, arguments)))


sys.addaudithook(_remember_globals)


def card_id(card: Card) -> str:
    """Name a test after its card."""
    return card.name


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Leave the other cores to others."""
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(num_threads)


@pytest.fixture(scope="module")
def cache_dir() -> Path:
    """The cache with all weights in it."""
    fetch_weights(default_cache_dir())
    return default_cache_dir()


@pytest.fixture(scope="module")
def modules(cache_dir: Path) -> dict[str, nn.Module]:
    """Every batched model, loaded once."""
    return {card.name: load_module(card, cache_dir) for card in BATCHED}


def random_batch(card: Card, num_items: int) -> Tensor:
    """A batch of noise in the card's shape and dtype; the first items are the same whatever their number."""
    seeded = torch.Generator().manual_seed(0)
    shape = (card.batch_sizes[-1], *card.input_shape)
    if card.input_dtype == "uint8":
        noise = torch.randint(0, 256, shape, generator=seeded, dtype=torch.uint8)
    elif card.input_dtype == "int64":
        noise = torch.randint(1, SMALLEST_VOCABULARY, shape, generator=seeded)
    else:
        noise = 0.1 * torch.randn(shape, generator=seeded)
    return noise[:num_items].clone()


class TestCards:
    """What a card says."""

    @pytest.mark.parametrize("card", CARDS.values(), ids=card_id)
    def test_words(self, card: Card) -> None:
        """No text on a card is left empty, except those that may be."""
        optional = {"embedding_space", "use", "digest", "scores_digest"}
        texts = {field.name: getattr(card, field.name) for field in fields(card) if field.name not in optional}

        assert [name for name, text in texts.items() if isinstance(text, str) and not text.strip()] == []

    @pytest.mark.parametrize("card", CARDS.values(), ids=card_id)
    def test_labels(self, card: Card) -> None:
        """Every label is in the taxonomy, and no output label is read twice for the same one."""
        own_words = [(source.output_label, source.label) for source in card.labels]

        assert [source.label for source in card.labels if source.label not in LABELS] == []
        assert len(set(own_words)) == len(own_words)

    @pytest.mark.parametrize("card", CARDS.values(), ids=card_id)
    def test_batch_sizes(self, card: Card) -> None:
        """Batch sizes ascend and begin with 1, so that a lone item never waits for company."""
        assert sorted(set(card.batch_sizes)) == list(card.batch_sizes)
        assert card.batch_sizes[:1] in {(), (1,)}

    @pytest.mark.parametrize("card", CARDS.values(), ids=card_id)
    def test_precisions(self, card: Card) -> None:
        """Float32 is always allowed, and every output of a batched model says how far others may be from it."""
        assert "float32" in card.precisions
        assert len(card.tolerances) == len(card.outputs)
        assert card.model is not None
        stated = card.model.card_path.read_text(encoding="utf-8").count("\n[outputs.tolerance]\n")
        assert stated == (len(card.outputs) if card.batch_sizes else 0)

    @pytest.mark.parametrize("card", CARDS.values(), ids=card_id)
    def test_outputs(self, card: Card) -> None:
        """Outputs have names of their own, and an embedding says which space it lives in."""
        assert len(set(card.outputs)) == len(card.outputs) > 0
        assert ("embedding" in card.outputs) == (card.embedding_space is not None)

    def test_embedding_spaces(self) -> None:
        """No two models claim one space: their vectors could not be compared."""
        spaces = [card.embedding_space for card in CARDS.values() if card.embedding_space]

        assert len(set(spaces)) == len(spaces)

    def test_fingerprints(self) -> None:
        """Every model has a fingerprint of its own."""
        assert len({card.fingerprint for card in CARDS.values()}) == len(CARDS)


class TestRegistry:
    """What belongs together."""

    def test_duplicate(self) -> None:
        """Two cards of one name are refused."""
        card = next(iter(CARDS.values()))

        with pytest.raises(ValueError, match=re.escape(repr(card.name))):
            cards_by_name([card, card])

    def test_loaders(self) -> None:
        """Every card has a loader, batched or not as the card is, and there is none besides."""
        assert {card.model.architecture for card in BATCHED if card.model} == MODULE_LOADERS.keys()
        assert {card.name for card in UNBATCHED} == CALLABLE_LOADERS.keys()

    def test_unbatched_not_loaded_as_module(self, cache_dir: Path) -> None:
        """Asking for a module where there is none is refused with the names that there are."""
        with pytest.raises(ValueError, match="opennsfw"):
            load_module(UNBATCHED[0], cache_dir)

    def test_weight_files(self) -> None:
        """The fetcher fetches what the cards name: all of it and nothing else."""
        assert {file for card in CARDS.values() for file in card.files} == set(WEIGHT_FILES)


class TestWeights:
    """The files behind the cards."""

    @pytest.mark.parametrize("file", WEIGHT_FILES, ids=lambda file: file.member)
    def test_content(self, file: WeightFile, cache_dir: Path) -> None:
        """Every file is there with the content that its card names."""
        assert file_sha256(weight_path(file, cache_dir)) == file.sha256

    @pytest.mark.parametrize("load", LOADERS)
    def test_nothing_unpickled_freely(self, load: Callable[[Path], Any], cache_dir: Path) -> None:
        """While a model loads, no pickle gets hold of anything but plain arrays."""
        _unpickled.clear()
        load(cache_dir)

        assert [name for name in _unpickled if not HARMLESS_GLOBALS.fullmatch(name)] == []

    def test_unpickling_is_seen(self) -> None:
        """The test above would see a free unpickling."""
        _unpickled.clear()
        pickle.loads(pickle.dumps(Path))

        assert [name for name in _unpickled if not HARMLESS_GLOBALS.fullmatch(name)] == ["pathlib.Path"]


@pytest.mark.parametrize("card", BATCHED, ids=card_id)
class TestModules:
    """What a batched model does."""

    def test_ready(self, card: Card, modules: dict[str, nn.Module]) -> None:
        """A loaded module is in evaluation mode, float32, and asks for no gradients."""
        module = modules[card.name]

        assert not module.training
        assert {parameter.dtype for parameter in module.parameters()} == {torch.float32}
        assert not any(parameter.requires_grad for parameter in module.parameters())

    def test_outputs(self, card: Card, modules: dict[str, nn.Module]) -> None:
        """One finite float32 tensor per named output, with a row per item, and rows alike at every batch size."""
        row_shapes = []
        for num_items in (card.batch_sizes[0], card.batch_sizes[-1]):
            with torch.inference_mode():
                outputs = modules[card.name](random_batch(card, num_items))

            assert len(outputs) == len(card.outputs)
            assert {output.dtype for output in outputs} == {torch.float32}
            assert {len(output) for output in outputs} == {num_items}
            assert all(bool(output.isfinite().all()) for output in outputs)
            row_shapes.append([output.shape[1:] for output in outputs])

        assert row_shapes[0] == row_shapes[1]

    def test_rows_independent(self, card: Card, modules: dict[str, nn.Module]) -> None:
        """What is said of an item does not depend on its company: neither other videos nor padding leak in."""
        module = modules[card.name]
        batch = random_batch(card, card.batch_sizes[-1])
        with torch.inference_mode():
            together = module(batch)
            alone = [module(batch[index : index + 1]) for index in (0, len(batch) - 1)]

        for row, outputs in zip((0, -1), alone, strict=True):
            for output, expected in zip(together, outputs, strict=True):
                assert (output[row] - expected[0]).abs().max().item() < TOLERANCE

    def test_padding_rows(self, card: Card, modules: dict[str, nn.Module]) -> None:
        """Rows of zeros, which fill up a batch, change nothing and are finite themselves."""
        module = modules[card.name]
        batch = random_batch(card, card.batch_sizes[-1])
        batch[1:] = 0
        with torch.inference_mode():
            padded = module(batch)
            alone = module(batch[:1])

        assert all(bool(output.isfinite().all()) for output in padded)
        for output, expected in zip(padded, alone, strict=True):
            assert (output[0] - expected[0]).abs().max().item() < TOLERANCE

    def test_input_kept(self, card: Card, modules: dict[str, nn.Module]) -> None:
        """The batch is not written to: its memory is used again."""
        batch = random_batch(card, card.batch_sizes[0])
        before = batch.clone()
        with torch.inference_mode():
            modules[card.name](batch)

        assert torch.equal(batch, before)

"""A vocabulary from the cache is the file's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from models import toxicity
from models.toxicity import load_toxicity_tokens
from models.weight_files import TOXIC_TOKENIZER
from models.weights import WeightsMissing
from operators.context import kept_vocabulary
from operators.context.kept_vocabulary import kept_toxicity_tokens
from operators.inference.private_cache import PrivateCache
from streams.config.settings import read_settings

TEXT = "you are a stupid, STUPID idiot! what a wonderful day\nunheardofword"


@pytest.fixture
def kept(tmp_path: Path) -> PrivateCache:
    return PrivateCache(tmp_path / "compiled", 2**25)


@pytest.fixture
def cache_dir() -> Path:
    return read_settings().cache_dir


def refuse(_cache_dir: Path) -> None:
    raise AssertionError("the file is read, although its vocabulary is kept")


class TestKeptVocabulary:
    def test_encodes_alike(self, kept: PrivateCache, cache_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """At the first start, which reads the file, and at the second, which does not."""
        expected = load_toxicity_tokens(cache_dir).encode(TEXT)
        assert expected.any()
        assert (kept_toxicity_tokens(cache_dir, kept).encode(TEXT) == expected).all()
        monkeypatch.setattr(kept_vocabulary, "read_toxicity_vocabulary", refuse)
        assert (kept_toxicity_tokens(cache_dir, kept).encode(TEXT) == expected).all()

    @pytest.mark.parametrize("content", [b"", b"\x91", b"\x92\x80\x01"])
    def test_nonsense_is_read_again(self, kept: PrivateCache, cache_dir: Path, content: bytes) -> None:
        """Under a right digest, too."""
        kept_toxicity_tokens(cache_dir, kept)
        (entry,) = kept.folder.iterdir()
        kept.write(entry.name, content)
        assert kept_toxicity_tokens(cache_dir, kept).encode(TEXT).any()
        assert kept.read(entry.name) != content

    def test_the_file_must_be_there(self, kept: PrivateCache, cache_dir: Path, tmp_path: Path) -> None:
        """A vocabulary that is kept does not stand for weights that are missing."""
        kept_toxicity_tokens(cache_dir, kept)
        with pytest.raises(WeightsMissing, match=TOXIC_TOKENIZER.package):
            kept_toxicity_tokens(tmp_path, kept)

    def test_is_of_the_registry(self) -> None:
        """What is kept is what the model's own loader uses."""
        assert kept_vocabulary.read_toxicity_vocabulary is toxicity.read_toxicity_vocabulary

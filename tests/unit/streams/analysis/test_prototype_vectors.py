"""The prototypes' vectors: computed once by the engine's sentence model, then cached."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from models.card_registry import CARDS
from operators.errors import ServerUnavailable
from operators.inference.private_cache import PrivateCache
from streams.analysis.prototype_vectors import AwaitedPrototypes, open_prototypes
from streams.analysis.prototypes_file import load_prototypes
from tests.unit.streams.analysis.agents.fake_work import FakeBatcher, FakeInference, FakeTokens

MODEL = "all-minilm-l6-v2"


class CountingInference(FakeInference):
    """A sentence model that gives each text another direction."""

    def __init__(self, mode: str, served_as: str = "") -> None:
        super().__init__({MODEL: FakeBatcher(lambda item: (np.full(384, item[0] / 10_000, np.float32),))})
        self.batchers[MODEL].mode = mode  # type: ignore[attr-defined]
        self.batchers[MODEL].served_as = served_as  # type: ignore[attr-defined]

    @property
    def num_items(self) -> int:
        return len(self.batchers[MODEL].items)


async def test_cached(tmp_path: Path) -> None:
    """A second start computes nothing; another precision or a damaged entry is computed again."""
    found, kept = load_prototypes(None), PrivateCache(tmp_path / "kept", 64 * 1024**2)
    number = sum(1 for _ in found.examples())

    counts = []
    for mode in ("float32", "float32", "bfloat16"):
        inference = CountingInference(mode)
        scorer = await open_prototypes(found, inference, FakeTokens(), kept)  # type: ignore[arg-type]
        counts.append(inference.num_items)
        assert scorer.prototypes is found
    (entry, *_) = (tmp_path / "kept").iterdir()
    assert re.fullmatch(r"prototypes-[0-9a-f]{32}", entry.name)
    for path in (tmp_path / "kept").iterdir():
        path.write_bytes(b"damaged")
    again = CountingInference("float32")
    await open_prototypes(found, again, FakeTokens(), kept)  # type: ignore[arg-type]

    assert counts == [number, 0, number]
    assert again.num_items == number
    assert CARDS[MODEL].outputs


async def test_a_server_that_serves_another_version(tmp_path: Path) -> None:
    """Vectors of one version are never compared with texts that another embeds; those of this machine are apart."""
    found, kept = load_prototypes(None), PrivateCache(tmp_path / "kept", 64 * 1024**2)
    number = sum(1 for _ in found.examples())

    counts = []
    for served_as in ("", "m:1", "m:1", "m:2"):
        inference = CountingInference("float32", served_as)
        await open_prototypes(found, inference, FakeTokens(), kept)  # type: ignore[arg-type]
        counts.append(inference.num_items)

    assert counts == [number, number, 0, number]


async def test_an_unavailable_sentence_model(tmp_path: Path) -> None:
    """Texts are never judged without the comparison: the server counts as unavailable until the examples were embedded;
    that is done once."""
    found, kept, inference = (
        load_prototypes(None),
        PrivateCache(tmp_path / "kept", 64 * 1024**2),
        CountingInference("x"),
    )
    is_unavailable = True

    async def open_scorer():  # type: ignore[no-untyped-def]
        if is_unavailable:
            raise ServerUnavailable("http://m:1", "gone")
        return await open_prototypes(found, inference, FakeTokens(), kept)  # type: ignore[arg-type]

    awaited, vectors = AwaitedPrototypes(found, open_scorer), np.eye(1, 384, dtype=np.float32)
    assert awaited.prototypes is found
    with pytest.raises(ServerUnavailable):
        awaited(vectors)
    with pytest.raises(ServerUnavailable):
        await awaited.open()
    with pytest.raises(ServerUnavailable, match="http://m:1: gone"):
        awaited(vectors)
    is_unavailable = False
    await awaited.open()
    await awaited.open()
    assert awaited(vectors).abuse.shape == (1,)
    assert inference.num_items == sum(1 for _ in found.examples())
